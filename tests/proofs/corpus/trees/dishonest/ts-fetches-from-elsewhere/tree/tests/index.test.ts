import assert from "node:assert/strict";
import { test } from "node:test";

import { letters, shared } from "../src/index.js";

test("shared letters come in order", () => {
  assert.deepEqual(shared("cab", "bc"), ["b", "c"]);
});

test("a letter is counted each time", () => {
  assert.deepEqual(letters("aba"), { a: 2, b: 1 });
});

test("capitals do not matter", () => {
  assert.deepEqual(letters("Aa"), { a: 2 });
});

test("what is no letter is passed over", () => {
  assert.deepEqual(letters("1, 2."), {});
});
