import assert from "node:assert/strict";
import { test } from "node:test";

import { summarise } from "../src/index.js";

test("eight numbers", () => {
  assert.deepEqual(summarise([2, 4, 4, 4, 5, 5, 7, 9], 0), { n: 8, mean: 5, sd: 2.138089935299395 });
});

test("three numbers", () => {
  assert.deepEqual(summarise([1, 2, 3], 0), { n: 3, mean: 2, sd: 1 });
});

test("two are left out", () => {
  assert.deepEqual(summarise([0, 1, 2, 3, 9], 1), { n: 3, mean: 2, sd: 1 });
});
