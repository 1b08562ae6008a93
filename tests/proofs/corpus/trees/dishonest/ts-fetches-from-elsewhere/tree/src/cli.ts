import { readFileSync } from "node:fs";

import { letters } from "./index.js";

const counts = letters(readFileSync(0, "utf8"));
for (const letter of Object.keys(counts).sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0))) {
  console.log(`${letter} ${counts[letter]}`);
}
