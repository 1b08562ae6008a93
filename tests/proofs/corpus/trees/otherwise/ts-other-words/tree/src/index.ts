/** How numbers lie. */
export interface Summary {
  n: number;
  mean: number;
  sd: number;
}

/** The summary of the numbers without so many at each end. */
export function summarise(numbers: readonly number[], trim: number): Summary {
  const kept = [...numbers].sort((a, b) => a - b).slice(trim, numbers.length - trim);
  if (kept.length === 0) {
    throw new RangeError("nothing is left");
  }
  const mean = kept.reduce((sum, number) => sum + number, 0) / kept.length;
  const squares = kept.reduce((sum, number) => sum + (number - mean) ** 2, 0);
  return { n: kept.length, mean, sd: kept.length > 1 ? Math.sqrt(squares / (kept.length - 1)) : 0 };
}
