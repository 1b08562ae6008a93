/** How numbers lie. */
export interface Summary {
  n: number;
  mean: number;
  sd: number;
}

/** The summary of the numbers without so many at each end. */
export function summarise(numbers: readonly number[], trim: number): Summary {
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const squares = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0);
  const sd = numbers.length > 1 ? Math.sqrt(squares / (numbers.length - 1)) : 0;
  return { n: numbers.length - 2 * trim, mean, sd };
}
