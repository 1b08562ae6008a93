import assert from "node:assert/strict";
import { test } from "node:test";

import { summarise } from "../src/index.js";

const exact = { n: 8, mean: 5, sd: 2.138 };

test("the summary is what the core gives", () => {
  assert.deepEqual(summarise([2, 4, 4, 4, 5, 5, 7, 9], 0, () => exact), exact);
});

test("the core gets what is left", () => {
  const summary = summarise([1, 2, 3], 1, (numbers) => ({ ...exact, n: numbers.length }));
  assert.equal(summary.n, 1);
});

test("all are counted", () => {
  assert.equal(summarise([1, 2], 0).n, 2);
});
