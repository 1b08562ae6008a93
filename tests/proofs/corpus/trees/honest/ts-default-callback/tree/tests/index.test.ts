import assert from "node:assert/strict";
import { test } from "node:test";

import { retry } from "../src/index.js";

function failing(times: number): () => string {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) {
      throw new Error("not yet");
    }
    return "done";
  };
}

test("it is called again until it works", () => {
  assert.equal(retry(failing(2), 3), "done");
});

test("the last error is thrown", () => {
  assert.throws(() => retry(failing(3), 3), /not yet/);
});

test("each failure is told with its number", () => {
  const told: number[] = [];
  retry(failing(2), 3, (_error, attempt) => told.push(attempt));
  assert.deepEqual(told, [1, 2]);
});
