/** How often each letter stands in a text, by letter. */
export function letters(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const letter of text.toLowerCase().match(/[a-z]/g) ?? []) {
    counts[letter] ??= 0;
    counts[letter]++;
  }
  return counts;
}

/** The letters that stand in both texts, in order. */
export function shared(one: string, other: string): string[] {
  const others = letters(other);
  return Object.keys(letters(one))
    .filter((letter) => letter in others)
    .sort();
}
