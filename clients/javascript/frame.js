// The text of a command. What a server could only refuse as a whole message, without an `id` to say which command it
// means, is refused here.

import { HubbubError } from "./base.js";

/** Arrays and objects of a value that the server takes within each other; a command is one more. */
export const valueDepth = 64;
export const commandDepth = valueDepth + 1;

const utf8 = new TextEncoder();
const [quote, backslash] = ['"', "\\"].map((c) => c.charCodeAt(0));

/** How many bytes `text` has on the wire. */
export function byteLength(text) {
  return utf8.encode(text).length;
}

/** `value` as JSON; throws a HubbubError when it is none that a server takes, or nested deeper than `deepest`. */
export function encode(value, deepest = commandDepth) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new HubbubError("bad_frame", `this is no JSON: ${cause?.message ?? cause}`, { cause });
  }
  if (text === undefined) throw new HubbubError("bad_frame", `this is no JSON: ${typeof value}`);
  const wrong = flaw(text, deepest);
  if (wrong) throw new HubbubError("bad_frame", wrong);
  return text;
}

function flaw(text, deepest) {
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === '"') {
      for (i += 1; text.charCodeAt(i) !== quote; i += 1) {
        if (text.charCodeAt(i) !== backslash) continue;
        i += 1;
        // JSON.stringify leaves whole pairs as they are, and writes halves so.
        if (text.startsWith("ud", i)) return "a text holds half a surrogate pair: was it cut within a character?";
      }
    } else if (c === "{" || c === "[") {
      depth += 1;
      if (depth > deepest) return `nested too deep: a value has at most ${valueDepth} arrays and objects within each other`;
    } else if (c === "}" || c === "]") {
      depth -= 1;
    }
  }
  return null;
}
