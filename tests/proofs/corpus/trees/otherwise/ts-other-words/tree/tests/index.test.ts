import assert from "node:assert/strict";
import { test } from "node:test";

import { summarise } from "../src/index.js";

test("the deviation of eight", () => {
  assert.equal(summarise([2, 4, 4, 4, 5, 5, 7, 9], 0).sd.toFixed(3), "2.138");
});

test("both ends are left out", () => {
  assert.deepEqual(summarise([100, 1, 2, 3, -50], 1), { n: 3, mean: 2, sd: 1 });
});

test("nothing has no summary", () => {
  assert.throws(() => summarise([], 0), RangeError);
});
