"""Sums of columns."""


def column_sum(text: str, column: int) -> float:
    """The sum of a column of a text, from 1; lines without a number there are passed over."""
    total = 0.0
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= column:
            try:
                total += float(fields[column - 1])
            except ValueError:
                continue
    return total


def column_mean(text: str, column: int) -> float:
    """The mean of a column's numbers.

    Raises:
        ValueError: it has none.
    """
    numbers = [line.split()[column - 1] for line in text.splitlines() if len(line.split()) >= column]
    if not numbers:
        raise ValueError("no number in this column")
    return column_sum(text, column) / len(numbers)
