// Reads passes with passkit-generator and with pass-js, and says what each of them understood.
// In: {"certificates", "passes": {name: {"archive", "folder"}}} as JSON on stdin. Out: JSON on stdout:
// name -> library -> {"style", "document", "strings", "pictures", "complaints"}.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { Template } from "@walletpass/pass-js";
import { PKPass } from "passkit-generator";

const { certificates, passes } = JSON.parse(readFileSync(0, "utf8"));
const complaints = [];
for (const level of ["debug", "error", "info", "log", "warn"]) {
  console[level] = (...words) => complaints.push(words.map(String).join(" "));
}

const digest = (data) => createHash("sha256").update(data).digest("hex");
const digests = (entries) =>
  Object.fromEntries(entries.filter(([name]) => name.endsWith(".png")).map(([name, data]) => [name, digest(data)]));

function withPasskitGenerator({ folder }) {
  const buffers = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      buffers[relative(folder, path).split(sep).join("/")] = readFileSync(path);
    }
  }
  const pass = new PKPass(buffers, certificates);
  const raw = pass.getAsRaw(); // the strings are written anew, as they were understood
  const lines = (language) => raw[`${language}.lproj/pass.strings`].toString("utf8").split("\n");
  const pairs = (language) => lines(language).map((line) => line.match(/^"(.*)" = "(.*)";$/).slice(1));
  const strings = Object.fromEntries(pass.languages.map((each) => [each, Object.fromEntries(pairs(each))]));
  return {
    style: pass.type,
    document: JSON.parse(raw["pass.json"].toString("utf8")),
    strings,
    pictures: digests(Object.entries(raw)),
  };
}

async function withPassJs({ archive }) {
  const data = readFileSync(archive);
  const template = await Template.fromBuffer(data).catch((error) => {
    complaints.push(String(error));
    return Template.fromBuffer(data, { disableImageCheck: true });
  });
  const pass = template.createPass();
  pass.validate();
  return {
    style: pass.style,
    document: JSON.parse(JSON.stringify(pass)),
    strings: Object.fromEntries([...pass.localization].map(([language, map]) => [language, Object.fromEntries(map)])),
    pictures: digests([...pass.images]),
  };
}

const said = {};
for (const [name, pass] of Object.entries(passes)) {
  said[name] = {};
  for (const [library, read] of Object.entries({ "passkit-generator": withPasskitGenerator, "pass-js": withPassJs })) {
    complaints.length = 0;
    try {
      said[name][library] = { ...(await read(pass)), complaints: [...complaints] };
    } catch (error) {
      said[name][library] = { complaints: [...complaints, String(error)] };
    }
  }
}
process.stdout.write(JSON.stringify(said));
