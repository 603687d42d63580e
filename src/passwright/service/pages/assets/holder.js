// The passkey step of the holder's page. Everything else works without it.
//
// Nothing is asked of the server before the device has said that it can confirm
// its owner: a device that can't must not decide which wallet gets the pass.

"use strict";

const LIFE = 300_000; // milliseconds, as long as the server keeps an attempt open
const REFUSALS = {
  attempt_expired: "expired",
  attempt_not_found: "expired",
  attempt_used: "expired",
  proof_invalid: "refused",
  platform_locked: "locked",
  pass_nullified: "pass_nullified",
  pass_expired: "pass_expired",
  pass_deactivated: "pass_deactivated",
  too_many_attempts: "too_many_attempts",
  too_many_requests: "too_many_requests",
};
// After these there is nothing to try again on this page as it stands.
const FINAL = new Set(["locked", "pass_nullified", "pass_expired", "pass_deactivated"]);

class Refused extends Error {
  constructor(state) {
    super(state);
    this.state = state;
  }
}

function octets(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// PublicKeyCredential.parseCreationOptionsFromJSON and toJSON came with Safari 18.4:
// iOS 16.4 has to do without.
function decoded(options) {
  const made = { ...options, challenge: octets(options.challenge) };
  if (options.user) {
    made.user = { ...options.user, id: octets(options.user.id) };
  }
  if (options.allowCredentials) {
    made.allowCredentials = options.allowCredentials.map((each) => ({ ...each, id: octets(each.id) }));
  }
  return made;
}

function encoded(credential) {
  const { response } = credential;
  const members = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    members.attestationObject = text(response.attestationObject);
    members.transports = response.getTransports ? response.getTransports() : [];
  } else {
    members.authenticatorData = text(response.authenticatorData);
    members.signature = text(response.signature);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: members };
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
      redirect: "error",
    });
  } catch {
    throw new Refused("offline");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Refused(REFUSALS[found.errors?.[0]?.code] ?? "failed");
  }
  return found;
}

async function canConfirm() {
  try {
    return await window.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable();
  } catch {
    return false;
  }
}

async function confirmed(offer) {
  const publicKey = decoded(offer.publicKey);
  const begun = Date.now();
  try {
    return publicKey.rp
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
  } catch (error) {
    if (error.name !== "NotAllowedError" && error.name !== "AbortError") {
      throw new Refused("refused");
    }
    throw new Refused(Date.now() - begun < LIFE ? "cancelled" : "expired");
  }
}

function prepare(place) {
  const { path } = place.dataset;
  const button = place.querySelector("[data-start]");
  const label = button.querySelector("[data-label]");
  const status = place.querySelector("[data-status]");
  const file = place.querySelector("[data-file]");

  function show(state) {
    const words = place.querySelector(`template[data-state="${state}"]`);
    status.replaceChildren(words.content.cloneNode(true));
    place.dataset.now = state;
  }

  function tell(state) {
    show(state);
    // Below a code to scan and another wallet's button, the words would come up out of sight.
    status.scrollIntoView({ block: "nearest" });
  }

  function name(key) {
    label.textContent = place.querySelector(`template[data-text="${key}"]`).content.textContent;
  }

  async function run() {
    button.disabled = true;
    tell("waiting");
    try {
      const offer = await post(`${path}/apple/begin`, {});
      // From here on the pass is Apple's: what offers it to Google has had its time.
      document.querySelectorAll('[data-way="google"]').forEach((way) => {
        way.hidden = true;
      });
      if (offer.walletUrl) {
        tell("wallet");
        window.location.assign(offer.walletUrl);
      } else {
        const credential = encoded(await confirmed(offer));
        const ticket = await post(`${path}/apple/complete`, { attemptId: offer.attemptId, credential });
        tell("done");
        file.elements.ticket.value = ticket.ticket;
        file.submit();
      }
      name("again");
    } catch (error) {
      const state = error instanceof Refused ? error.state : "failed";
      tell(state);
      button.hidden = FINAL.has(state);
      name("retry");
    }
    button.disabled = false;
    if (!button.hidden) {
      button.focus({ preventScroll: true });
    }
  }

  canConfirm().then((can) => {
    if (can) {
      button.hidden = false;
      button.addEventListener("click", run);
      place.dataset.now = "ready";
    } else {
      show(place.dataset.first === "yes" ? "unsupported" : "unsupported_again");
    }
  });
}

document.querySelectorAll("[data-ceremony]").forEach(prepare);

// An iPad says that it is a Mac, and has a touch screen, which no Mac has.
const here = document.querySelector("[data-here]");
if (here && navigator.maxTouchPoints > 1) {
  here.open = true;
}
