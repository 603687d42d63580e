// Makes passes with passkit-generator, as an issuer who knows nothing of us would.
// In: {name: {"certificates", "files", "props", "fields", "nfc", "barcode"}} as JSON on stdin, files in base64.
// Out: name -> .pkpass in base64, as JSON on stdout.
import { readFileSync } from "node:fs";
import { PKPass } from "passkit-generator";

const made = {};
for (const [name, order] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const files = Object.entries(order.files).map(([path, data]) => [path, Buffer.from(data, "base64")]);
  const pass = new PKPass(Object.fromEntries(files), order.certificates, order.props);
  pass.type = "storeCard";
  for (const [slot, fields] of Object.entries(order.fields)) pass[`${slot}Fields`].push(...fields);
  if (order.nfc) pass.setNFC(order.nfc);
  if (order.barcode) pass.setBarcodes(order.barcode);
  made[name] = pass.getAsBuffer().toString("base64");
}
process.stdout.write(JSON.stringify(made));
