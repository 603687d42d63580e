"""Every row of the life of a bound pass."""

import pickle
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwright.binding import Binding, lifecycle
from passwright.binding.lifecycle import (
    ATTEMPT_LIFE,
    AddBarcode,
    AppleBegin,
    AppleComplete,
    AppleSource,
    Attempt,
    Create,
    Effect,
    Event,
    EventKind,
    Evidence,
    GoogleDownload,
    Nullify,
    State,
    Status,
    Step,
    TemplateAddsBarcode,
    Unbind,
    Update,
    UpdateBinding,
    advance,
)
from passwright.errors import AttemptRefused, BindingError, BindingInvalid, IllegalTransition
from passwright.service.web.errors import STATUSES
from passwright.service.web.responses import binding_json

URL = "https://support.example.com/pass-help"
JANE = Binding("jane@gmail.com", URL)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATE = timedelta(microseconds=1) + ATTEMPT_LIFE

# --- the life of a bound pass, written down a second time


def created() -> Status:
    return Status(State.CREATED, URL, NOW)


def google() -> Status:
    return Status(State.GOOGLE_BOUND, URL, NOW, 2, "google", Evidence.EMAIL_RESTRICTION)


def pending() -> Status:
    return Status(State.APPLE_PENDING, URL, NOW, 2, "apple", open_attempt=Attempt("open", NOW))


def burnt() -> Status:
    return replace(pending(), version=3, open_attempt=None)


def apple() -> Status:
    won = Attempt("won", NOW, "digest")
    return Status(State.APPLE_BOUND, URL, NOW, 3, "apple", Evidence.WEBAUTHN, won_attempt=won)


def apple_again() -> Status:
    """A bound pass whose holder asks for the file once more."""
    return replace(apple(), version=4, open_attempt=Attempt("open", NOW))


def nullified(platform: lifecycle.Platform | None = None) -> Status:
    return Status(State.NULLIFIED, URL, NOW, 9, platform)


EVERYWHERE = (created, google, pending, burnt, apple, apple_again)
APPLE = (pending, burnt, apple, apple_again)


def complete(attempt: str = "open", digest: str = "other", *, proof: bool = True) -> AppleComplete:
    return AppleComplete(attempt, digest, proof)


SOON = timedelta(seconds=1)
LAST = ATTEMPT_LIFE

# from, event, when, to, effects, HTTP status and code of the refusal
Case = tuple[Callable[[], Status], Event, timedelta, str, str, str]
LIFE: list[Case] = [
    # Google download action
    (created, GoogleDownload(), SOON, "google_bound", "lock hash-email release-link", ""),
    (google, GoogleDownload(), SOON, "google_bound", "release-again", ""),
    *((at, GoogleDownload(), SOON, at().state.value, "", "409 platform_locked") for at in APPLE),
    # Apple begin
    (created, AppleBegin("new"), SOON, "apple_pending", "lock purge-email open-attempt", ""),
    (pending, AppleBegin("new"), SOON, "apple_pending", "cancel-attempt open-attempt", ""),
    (burnt, AppleBegin("new"), SOON, "apple_pending", "cancel-attempt open-attempt", ""),
    (google, AppleBegin("new"), SOON, "google_bound", "", "409 platform_locked"),
    (apple, AppleBegin("new"), SOON, "apple_bound", "cancel-attempt open-attempt", ""),
    (apple_again, AppleBegin("new"), SOON, "apple_bound", "cancel-attempt open-attempt", ""),
    (created, AppleBegin("new", nfc=False), SOON, "created", "", "422 binding_nfc_required"),
    (google, AppleBegin("new", nfc=False), SOON, "google_bound", "", "409 platform_locked"),
    *(
        (at, AppleBegin("new", nfc=False), SOON, at().state.value, "", "422 binding_nfc_required")
        for at in APPLE
    ),
    # the pass file without the ceremony
    (created, AppleSource(), SOON, "created", "", "422 binding_ceremony_required"),
    (google, AppleSource(), SOON, "google_bound", "", "409 platform_locked"),
    *((at, AppleSource(), SOON, at().state.value, "", "422 binding_ceremony_required") for at in APPLE),
    # Apple complete
    (pending, complete(), SOON, "apple_bound", "store-credential release-pass", ""),
    (pending, complete(), LAST, "apple_bound", "store-credential release-pass", ""),
    (pending, complete("cancelled"), SOON, "apple_pending", "", "404 attempt_not_found"),
    (pending, complete(""), SOON, "apple_pending", "", "404 attempt_not_found"),
    (pending, complete("\ud800"), SOON, "apple_pending", "", "404 attempt_not_found"),
    (burnt, complete(), SOON, "apple_pending", "", "404 attempt_not_found"),
    (pending, complete(), LATE, "apple_pending", "", "410 attempt_expired"),
    (pending, complete(proof=False), LATE, "apple_pending", "", "410 attempt_expired"),
    (pending, complete(), -LATE, "apple_pending", "", "410 attempt_expired"),
    (pending, complete(proof=False), SOON, "apple_pending", "burn-attempt", "422 proof_invalid"),
    (apple, complete("won", "digest"), SOON, "apple_bound", "release-again", ""),
    (apple, complete("won", "digest", proof=False), LAST, "apple_bound", "release-again", ""),
    (apple_again, complete("won", "digest"), SOON, "apple_bound", "release-again", ""),
    (apple, complete("won", "digest"), LATE, "apple_bound", "", "409 attempt_used"),
    (apple, complete("won", "other"), SOON, "apple_bound", "", "409 attempt_used"),
    (apple_again, complete("won", "other"), SOON, "apple_bound", "", "409 attempt_used"),
    (apple, complete("open"), SOON, "apple_bound", "", "404 attempt_not_found"),
    (apple_again, complete(), SOON, "apple_bound", "store-credential release-pass", ""),
    (apple_again, complete(proof=False), SOON, "apple_bound", "burn-attempt", "422 proof_invalid"),
    (apple_again, complete(), LATE, "apple_bound", "", "410 attempt_expired"),
    (created, complete(), SOON, "created", "", "404 attempt_not_found"),
    (google, complete(), SOON, "google_bound", "", "404 attempt_not_found"),
    # updates, templates, the end
    *((at, Update(), SOON, at().state.value, "", "") for at in EVERYWHERE),
    *((at, UpdateBinding(), SOON, at().state.value, "", "422 binding_immutable") for at in EVERYWHERE),
    *((at, Unbind(), SOON, at().state.value, "", "422 binding_immutable") for at in EVERYWHERE),
    *((at, AddBarcode(), SOON, at().state.value, "", "400 binding_barcode_conflict") for at in EVERYWHERE),
    *((at, TemplateAddsBarcode(), SOON, at().state.value, "render-without-barcode", "") for at in EVERYWHERE),
    *((at, Nullify(), SOON, "nullified", "erase", "") for at in EVERYWHERE),
    (nullified, Nullify(), SOON, "nullified", "", ""),
    (nullified, TemplateAddsBarcode(), SOON, "nullified", "", ""),
    *(
        (nullified, event, SOON, "nullified", "", "410 pass_nullified")
        for event in (
            GoogleDownload(),
            AppleBegin("new"),
            AppleBegin("new", nfc=False),
            AppleSource(),
            complete(),
            Update(),
            UpdateBinding(),
            AddBarcode(),
            Unbind(),
        )
    ),
]


@pytest.mark.parametrize("case", LIFE)
def test_bnd_09_bnd_13_every_row_of_the_life_of_a_bound_pass(case: Case) -> None:
    before, event, after, state, effects, refusal = case
    start = before()
    step = advance(start, event, at=NOW + after)

    assert step.status.state.value == state
    assert " ".join(effect.value for effect in step.effects) == effects
    if refusal:
        assert step.refusal is not None
        assert f"{STATUSES[step.refusal]} {step.refusal}" == refusal
        raised = AttemptRefused if step.refusal.startswith(("attempt", "proof")) else IllegalTransition
        with pytest.raises(raised) as caught:
            step.raise_for_refusal()
        assert caught.value.code == step.refusal
    else:
        assert step.refusal is None
        step.raise_for_refusal()
    # BND-21: the version grows with every change, and with nothing else.
    assert step.status.version == start.version + (step.status != start)
    assert start == before()


def test_the_table_is_walked_to_its_last_row() -> None:
    """Every row of TRANSITIONS has a case above or below, and no case lacks a row."""
    walked = {
        (before().state, advance(before(), event, at=NOW + after).kind) for before, event, after, *_ in LIFE
    }
    without = {
        (None, EventKind.CREATE),
        (None, EventKind.CREATE_WITH_BARCODE),
        (None, EventKind.UPDATE_BINDING),
    }
    # A nullified pass has no attempts, so their completions all look unknown.
    unseen = {
        (State.NULLIFIED, kind)
        for kind in EventKind
        if kind.name.startswith("COMPLETE_") and kind is not EventKind.COMPLETE_UNKNOWN
    }
    assert walked | without | unseen == set(lifecycle.TRANSITIONS)
    assert not walked & unseen


def test_effects_show_in_the_status() -> None:
    step = advance(created(), GoogleDownload(), at=NOW + SOON)
    assert step.status == replace(google(), changed_at=NOW + SOON)
    assert step.status.bound

    step = advance(created(), AppleBegin("new"), at=NOW + SOON)
    opened = Attempt("new", NOW + SOON)
    assert step.status == replace(pending(), changed_at=NOW + SOON, open_attempt=opened)
    assert not step.status.bound

    step = advance(pending(), AppleComplete("open", "d", True, Evidence.APPLE_ISSUER_BINDING), at=NOW + SOON)
    assert step.status.evidence is Evidence.APPLE_ISSUER_BINDING
    assert step.status.won_attempt == Attempt("open", NOW, "d")
    assert step.status.open_attempt is None

    assert advance(pending(), complete(proof=False), at=NOW).status.open_attempt is None

    step = advance(apple_again(), Nullify(), at=NOW + SOON)
    assert step.status == replace(nullified("apple"), version=5, changed_at=NOW + SOON)


def test_a_winning_re_download_takes_the_place_of_the_first_win() -> None:
    step = advance(apple_again(), complete(digest="second"), at=NOW + SOON)
    assert advance(step.status, complete(digest="second"), at=NOW + SOON).kind is EventKind.COMPLETE_AGAIN
    assert advance(step.status, complete("won", "digest"), at=NOW + SOON).refusal == "attempt_not_found"


def test_a_burnt_re_download_leaves_the_win_in_place() -> None:
    step = advance(apple_again(), complete(proof=False), at=NOW + SOON)
    assert step.status == replace(apple(), version=5, changed_at=NOW + SOON)


@pytest.mark.parametrize("proof", [None, 0, 1, "yes", Evidence.WEBAUTHN])
def test_bnd_09_only_true_is_a_proof(proof: object) -> None:
    step = advance(pending(), AppleComplete("open", "d", proof), at=NOW)  # type: ignore[arg-type]
    assert step.refusal == "proof_invalid"
    assert not step.status.bound


def test_bnd_09_a_forgotten_attempt_can_not_be_completed_out_of_order() -> None:
    second = advance(pending(), AppleBegin("second"), at=NOW + SOON).status
    assert advance(second, complete("open"), at=NOW + SOON).refusal == "attempt_not_found"
    assert advance(second, complete("second"), at=NOW + SOON).status.bound


@pytest.mark.parametrize("hours", [-24, 24])
def test_bnd_21_a_clock_that_jumps_changes_no_order(hours: int) -> None:
    """Versions grow whatever the clock says, and no attempt lives longer than its life."""
    later = NOW + timedelta(hours=hours)
    step = advance(pending(), complete(), at=later)
    assert step.refusal == "attempt_expired"
    again = advance(step.status, AppleBegin("new"), at=later)
    assert again.status.version == pending().version + 1
    assert advance(again.status, complete("new"), at=later).status.state is State.APPLE_BOUND


def test_bnd_21_the_offset_of_a_time_does_not_matter() -> None:
    local = (NOW + LAST).astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert advance(pending(), complete(), at=local).status.bound


def test_creation_needs_a_usable_binding_and_no_barcode() -> None:
    step = advance(None, Create(Binding("jane@gmail.com", "HTTPS://Support.example.com/pass-help")), at=NOW)
    assert step == Step(created(), EventKind.CREATE)

    with pytest.raises(BindingError) as conflict:
        advance(None, Create(JANE, has_barcode=True), at=NOW)
    assert conflict.value.code == "binding_barcode_conflict"

    with pytest.raises(BindingInvalid) as invalid:
        advance(None, Create(Binding("", "")), at=NOW)
    assert invalid.value.pointers.keys() == {"/binding/email", "/binding/learnMoreUrl"}


def test_bnd_13_a_pass_without_binding_never_gets_one() -> None:
    with pytest.raises(BindingError) as caught:
        advance(None, UpdateBinding(), at=NOW)
    assert caught.value.code == "binding_immutable"


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (None, GoogleDownload()),
        (None, AppleBegin("new")),
        (None, complete()),
        (None, Nullify()),
        (created(), Create(JANE)),
        (google(), Create(JANE, has_barcode=True)),
        (nullified(), Create(JANE)),
        (created(), AppleBegin("")),
        (pending(), AppleBegin("open")),
        (apple(), AppleBegin("won")),
        (pending(), AppleComplete("open", "d", True, Evidence.EMAIL_RESTRICTION)),
        (pending(), AppleComplete("open", "", True)),
    ],
)
def test_events_that_make_no_sense_are_the_callers_mistake(status: Status | None, event: Event) -> None:
    with pytest.raises(ValueError, match=r"attempt|evidence|created|digest") as caught:
        advance(status, event, at=NOW)
    assert "open" not in str(caught.value).split()
    assert "won" not in str(caught.value).split()


def test_times_are_aware_and_arguments_are_of_their_types() -> None:
    with pytest.raises(ValueError, match="at has no time zone"):
        advance(created(), Update(), at=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="changed_at has no time zone"):
        Status(State.CREATED, URL, NOW.replace(tzinfo=None))
    with pytest.raises(TypeError):
        advance(created(), Update(), at=NOW.timestamp())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        advance(State.CREATED, Update(), at=NOW)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        advance(created(), EventKind.COMPLETE_VALID, at=NOW)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        advance(created(), "nullify", at=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "members",
    [
        {"state": State.CREATED, "platform": "google"},
        {"state": State.GOOGLE_BOUND, "platform": "apple", "evidence": Evidence.EMAIL_RESTRICTION},
        {"state": State.GOOGLE_BOUND, "platform": "google"},
        {"state": State.APPLE_PENDING, "platform": "apple", "evidence": Evidence.WEBAUTHN},
        {"state": State.APPLE_BOUND, "platform": "apple", "evidence": Evidence.WEBAUTHN},
        {"state": State.CREATED, "open_attempt": Attempt("a", NOW)},
        {"state": State.NULLIFIED, "won_attempt": Attempt("a", NOW, "d")},
    ],
)
def test_a_status_that_no_row_leaves_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"platform|evidence|attempt"):
        Status(learn_more_url=URL, changed_at=NOW, **members)  # type: ignore[arg-type]


def test_secrets_of_attempts_are_not_shown() -> None:
    begin, answer = AppleBegin("canary"), AppleComplete("canary", "canary", True)
    status = advance(created(), begin, at=NOW).status
    step = advance(status, answer, at=NOW)
    assert step.status.bound
    assert "canary" not in f"{begin} {answer} {status} {step}"


# --- what holds whatever happens

EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.sampled_from(
        [
            GoogleDownload(),
            AppleSource(),
            Update(),
            UpdateBinding(),
            AddBarcode(),
            TemplateAddsBarcode(),
            Unbind(),
            Nullify(),
        ]
    ),
    st.builds(AppleBegin, st.just("begin"), st.booleans()),
    st.builds(
        AppleComplete,
        st.sampled_from(["latest", "latest", "first", "unknown"]),
        st.sampled_from(["d1", "d2"]),
        st.booleans(),
        st.sampled_from([Evidence.WEBAUTHN, Evidence.APPLE_ISSUER_BINDING]),
    ),
)
RELEASES = {Effect.RELEASE_LINK: "google", Effect.RELEASE_PASS: "apple"}


@given(st.lists(st.tuples(EVENTS, st.integers(-400, 400)), max_size=30))
def test_bnd_13_whatever_happens_the_lock_holds(story: list[tuple[Event, int]]) -> None:
    """The platform never changes once set; bound never without evidence; nothing purged comes back."""
    status = created()
    begun = 0
    released: set[str] = set()
    purged = False
    for event, seconds in story:
        happens = event
        if isinstance(event, AppleBegin):
            begun += 1
            happens = replace(event, attempt_id=str(begun))
        elif isinstance(event, AppleComplete):
            names = {"latest": str(begun), "first": "1"}
            happens = replace(event, attempt_id=names.get(event.attempt_id, "0"))
        step = advance(status, happens, at=NOW + timedelta(seconds=seconds))
        after = step.status

        assert after.platform == status.platform or status.platform is None
        assert (after.evidence is not None) == after.bound
        assert after.learn_more_url == status.learn_more_url
        assert after.version == status.version + (after != status)
        assert step.refusal is None or not set(step.effects) - {Effect.BURN_ATTEMPT}
        assert status.state is not State.NULLIFIED or after == status
        released |= {RELEASES[effect] for effect in step.effects if effect in RELEASES}
        purged |= bool({Effect.PURGE_EMAIL, Effect.ERASE} & set(step.effects))
        assert after.state.keeps_email is not purged
        # Nothing leaves for a platform but under its restriction.
        assert (
            not {Effect.RELEASE_LINK, Effect.RELEASE_PASS, Effect.RELEASE_AGAIN} & set(step.effects)
            or after.bound
        )
        status = after
    assert len(released) <= 1
    assert released <= {status.platform}


# --- what others read


def test_the_answer_of_the_api_shows_four_members() -> None:
    mask = "u***@gmail.com"
    rows: list[tuple[Status, str | None, bool, str | None]] = [
        (created(), None, False, mask),
        (google(), "google", True, mask),
        (pending(), "apple", False, None),
        (apple(), "apple", True, None),
        (nullified("google"), "google", False, None),
        (nullified(), None, False, None),
    ]
    for status, platform, bound, shown in rows:
        assert binding_json(status, mask) == {
            "platform": platform,
            "bound": bound,
            "bindingEmail": shown,
            "learnMoreUrl": URL,
        }
    assert binding_json(created(), None)["bindingEmail"] is None
    with pytest.raises(ValueError, match="masked") as caught:
        binding_json(created(), "user@gmail.com")
    assert "user" not in str(caught.value)


def test_states_say_what_they_mean() -> None:
    facts = {state.value: (state.platform, state.bound, state.keeps_email) for state in State}
    assert facts == {
        "created": (None, False, True),
        "google_bound": ("google", True, True),
        "apple_pending": ("apple", False, False),
        "apple_bound": ("apple", True, False),
        "nullified": (None, False, False),
    }


def test_every_refusal_has_a_status_and_an_explanation() -> None:
    used = {row.refusal for row in lifecycle.TRANSITIONS.values() if row.refusal}
    assert used == lifecycle.REFUSALS
    table = tomllib.loads(resources.files("passwright").joinpath("codes.toml").read_text("utf-8"))
    for code in used | {"binding_invalid", "binding_disabled"}:
        assert code in STATUSES
        assert table[code].keys() == {"title", "why", "remedy", "source"}


def test_an_attempt_lives_five_minutes() -> None:
    assert timedelta(minutes=5) == ATTEMPT_LIFE


def test_no_text_of_an_event_or_a_step_shows_the_address() -> None:
    wish = Binding("canary@gmail.com", URL)
    for text in (repr(Create(wish)), repr(Step(created(), EventKind.CREATE))):
        assert "canary" not in text


def test_statuses_travel_to_workers() -> None:
    assert pickle.loads(pickle.dumps(pending())) == pending()
