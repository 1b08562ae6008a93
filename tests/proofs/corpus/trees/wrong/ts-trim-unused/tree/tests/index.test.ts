import assert from "node:assert/strict";
import { test } from "node:test";

import { summarise } from "../src/index.js";

test("the mean of three", () => {
  assert.equal(summarise([1, 2, 3], 0).mean, 2);
});

test("the deviation of three", () => {
  assert.equal(summarise([1, 2, 3], 0).sd, 1);
});

test("two are left out", () => {
  assert.equal(summarise([1, 2, 3, 4], 1).n, 2);
});
