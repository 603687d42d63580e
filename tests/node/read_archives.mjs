// Reads archives with four libraries of others, and says what each of them found.
// In: paths, as JSON on stdin. Out: JSON on stdout: library -> for each path {"names", "digest"}: the
// names of the files in the order of the library, the SHA-256 of all their contents; or {"refused"}.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import AdmZip from "adm-zip";
import { unzipSync } from "fflate";
import JSZip from "jszip";
import yauzl from "yauzl";

const withAdmZip = (data) =>
  new AdmZip(data).getEntries().map((entry) => [entry.entryName, entry.getData()]);

const withFflate = (data) => Object.entries(unzipSync(new Uint8Array(data)));

async function withJszip(data) {
  const archive = await JSZip.loadAsync(data, { checkCRC32: true });
  const found = [];
  for (const [name, entry] of Object.entries(archive.files)) {
    found.push([name, await entry.async("nodebuffer")]);
  }
  return found;
}

async function withYauzl(data) {
  const archive = await yauzl.fromBufferPromise(data);
  const found = [];
  for await (const entry of archive.eachEntry()) {
    const stream = await archive.openReadStreamPromise(entry);
    found.push([entry.fileName, await buffer(stream)]);
  }
  return found;
}

function told(found) {
  const hash = createHash("sha256");
  for (const [, content] of found) hash.update(content);
  const names = found.map(([name]) => name).filter((name) => !name.endsWith("/"));
  return { names, digest: hash.digest("hex") };
}

const libraries = { "adm-zip": withAdmZip, fflate: withFflate, jszip: withJszip, yauzl: withYauzl };
const said = Object.fromEntries(Object.keys(libraries).map((library) => [library, []]));
for (const path of JSON.parse(readFileSync(0, "utf8"))) {
  const data = readFileSync(path);
  for (const [library, read] of Object.entries(libraries)) {
    try {
      said[library].push(told(await read(data)));
    } catch (error) {
      said[library].push({ refused: String(error) });
    }
  }
}
process.stdout.write(JSON.stringify(said));
