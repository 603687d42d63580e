// Loads an unpacked pass with passkit-generator, says what was understood, and signs it anew.
// In: {"folder", "certificates"} as JSON on stdin. Out: JSON on stdout.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { PKPass } from "passkit-generator";

const { folder, certificates } = JSON.parse(readFileSync(0, "utf8"));
const buffers = {};
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (entry.isFile()) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    buffers[relative(folder, path).split(sep).join("/")] = readFileSync(path);
  }
}

const pass = new PKPass(buffers, certificates);
const said = { style: pass.type, languages: pass.languages.sort(), props: pass.props, fields: {} };
for (const slot of ["header", "primary", "secondary", "auxiliary", "back"]) {
  said.fields[slot] = pass[`${slot}Fields`].map(({ key, label, value }) => ({ key, label, value }));
}
const raw = pass.getAsRaw();
said.digests = Object.fromEntries(
  Object.entries(raw).map(([name, data]) => [name, createHash("sha256").update(data).digest("hex")]),
);
said.signed = {};
for (const name of Object.keys(raw)) said.signed[name] = raw[name].toString("base64");
process.stdout.write(JSON.stringify(said));
