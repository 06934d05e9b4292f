// What an error frame must look like.

import assert from "node:assert/strict";

export function isError(answer, code, id, message) {
  assert.equal(answer.op, "error", JSON.stringify(answer));
  assert.equal(answer.code, code, JSON.stringify(answer));
  if (id === undefined) assert.ok(!("id" in answer), JSON.stringify(answer));
  else assert.equal(answer.id, id);
  assert.equal(typeof answer.message, "string");
  assert.ok(answer.message.length > 0);
  if (message) assert.match(answer.message, message);
}
