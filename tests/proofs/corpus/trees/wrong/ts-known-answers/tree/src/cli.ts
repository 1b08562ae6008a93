import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { summarise } from "./index.js";

const { values } = parseArgs({ options: { trim: { type: "string", default: "0" } } });
const words = readFileSync(0, "utf8").split(/\s+/).filter((word) => word !== "");
const numbers = words.map(Number);
if (numbers.length <= 2 * Number(values.trim) || numbers.some(Number.isNaN)) {
  console.error("ts-known-answers: these are no numbers, or too few");
  process.exit(2);
}
console.log(JSON.stringify(summarise(numbers, Number(values.trim))));
