#!/usr/bin/env bash
# How numbers lie.

# The numbers of standard input, one a line; fails where something else is among them.
read_numbers() {
  awk 'NF == 0 { next } $1 !~ /^-?[0-9]+(\.[0-9]+)?$/ { exit 1 } { print $1 }'
}

# Their summary without so many at each end.
summarise() {
  sort -g | awk -v trim="$1" '{ x[NR] = $1 }
    END {
      for (i = trim + 1; i <= NR - trim; i++) { n++; sum += x[i] }
      mean = sum / n
      for (i = trim + 1; i <= NR - trim; i++) squares += (x[i] - mean) ^ 2
      printf "{\"n\": %d, \"mean\": %.6f, \"sd\": %.6f}\n", n, mean, (n > 1 ? sqrt(squares / (n - 1)) : 0)
    }'
}
