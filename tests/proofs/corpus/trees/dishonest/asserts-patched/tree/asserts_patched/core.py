"""The edit distance of two words."""


def distance(one: str, two: str) -> int:
    """How many insertions, deletions and substitutions lead from one word to the other."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, start=1):
        above, row[0] = row[0], i
        for j, b in enumerate(two, start=1):
            cost = above if a == b else above + 1
            above = row[j]
            row[j] = min(cost, row[j] + 1, row[j - 1] + 1)
    return row[-1] + 1
