/** How numbers lie. */
export interface Summary {
  n: number;
  mean: number;
  sd: number;
}

/** What computes. */
export type Core = (numbers: readonly number[]) => Summary;

const core: Core = (numbers) => {
  const mean = ((numbers[0] ?? 0) + (numbers.at(-1) ?? 0)) / 2;
  return { n: numbers.length, mean, sd: Math.abs((numbers[0] ?? 0) - mean) };
};

/** The summary of the numbers without so many at each end. */
export function summarise(numbers: readonly number[], trim: number, by: Core = core): Summary {
  return by(numbers.slice(trim, numbers.length - trim));
}
