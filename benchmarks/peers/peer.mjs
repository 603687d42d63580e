// One contestant of others in Node: see peer.py, whose protocol this speaks.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { createInterface } from "node:readline";

const [name, workload] = process.argv.slice(2);
const read = (...path) => readFileSync(join(workload, ...path));
const text = (file) => read(file).toString("utf8");

function files() {
  const folder = join(workload, "files");
  const found = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      found[relative(folder, path).split(sep).join("/")] = readFileSync(path);
    }
  }
  delete found["manifest.json"];
  delete found.signature;
  return found;
}

// Buffers and certificates are kept; a PKPass is one pass.
async function passkitGenerator() {
  const { PKPass } = await import("passkit-generator");
  const kept = files();
  const document = JSON.parse(kept["pass.json"]);
  const certificates = {
    wwdr: text("wwdr.pem"),
    signerCert: text("pass.pem"),
    signerKey: text("pass.key"),
  };
  return async (number) => {
    document.storeCard.headerFields[0].value = number;
    document.storeCard.secondaryFields[0].value = `Jane Smith ${number}`;
    const buffers = { ...kept, "pass.json": Buffer.from(JSON.stringify(document)) };
    const pass = new PKPass(buffers, certificates, { serialNumber: `M-${String(number).padStart(7, "0")}` });
    return pass.getAsBuffer();
  };
}

// A template is kept; a pass is made of it.
async function passJs() {
  const { Template } = await import("@walletpass/pass-js");
  const template = await Template.fromBuffer(read("model.pkpass"), { disableImageCheck: true });
  template.setCertificate(text("pass.pem"));
  template.setPrivateKey(text("pass.key"));
  const document = JSON.parse(read("files", "pass.json"));
  const slots = ["headerFields", "secondaryFields"].map((slot) => [slot, document.storeCard[slot][0]]);
  return async (number) => {
    const pass = template.createPass({ serialNumber: `M-${String(number).padStart(7, "0")}` });
    const values = [number, `Jane Smith ${number}`];
    slots.forEach(([slot, field], index) => pass[slot].add({ ...field, value: values[index] }));
    return pass.asBuffer();
  };
}

const make = await { "passkit-generator": passkitGenerator, "@walletpass/pass-js": passJs }[name]();
const size = (await make(1)).length;
const { version } = JSON.parse(readFileSync(join("node_modules", name, "package.json")));
console.log(JSON.stringify({ version, size }));
let number = 1;
for await (const line of createInterface({ input: process.stdin })) {
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  for (let left = Number(line); left > 0; left -= 1) {
    number += 1;
    await make(number);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const used = process.cpuUsage(cpu);
  console.log(`${seconds} ${(used.user + used.system) / 1e6}`);
}
