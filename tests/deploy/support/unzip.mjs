// node unzip.mjs <archive> <member> <file>: takes one program out of a zip archive.

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import { inflateRawSync } from "node:zlib";

const [archive, member, file] = process.argv.slice(2);
const bytes = readFileSync(archive);
// The directory at the end names each member's place (PKWARE's APPNOTE, sections 4.3.12 and 4.3.16).
const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
if (end < 0) throw new Error(`${archive} is no zip archive`);
let found;
for (let at = bytes.readUInt32LE(end + 16), n = bytes.readUInt16LE(end + 10); n > 0; --n) {
  const [name, extra, comment] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field));
  if (bytes.toString("utf8", at + 46, at + 46 + name) === member)
    found = { method: bytes.readUInt16LE(at + 10), packed: bytes.readUInt32LE(at + 20), place: bytes.readUInt32LE(at + 42) };
  at += 46 + name + extra + comment;
}
if (!found) throw new Error(`${archive} has no ${member}`);
const begin = found.place + 30 + bytes.readUInt16LE(found.place + 26) + bytes.readUInt16LE(found.place + 28);
const packed = bytes.subarray(begin, begin + found.packed);
mkdirSync(path.dirname(file), { recursive: true });
const out = openSync(`${file}.new`, "w", 0o755);
writeSync(out, found.method === 0 ? packed : inflateRawSync(packed));
closeSync(out);
renameSync(`${file}.new`, file);
