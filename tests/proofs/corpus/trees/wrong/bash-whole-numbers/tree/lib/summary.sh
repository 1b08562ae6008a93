#!/usr/bin/env bash
# How numbers lie.

# The numbers of standard input, one a line; fails where something else is among them.
read_numbers() {
  awk 'NF == 0 { next } $1 !~ /^-?[0-9]+(\.[0-9]+)?$/ { exit 1 } { print $1 }'
}

# Their summary without so many at each end.
summarise() {
  local n=0 sum=0 squares=0 mean one trim=$1 kept=()
  mapfile -t kept < <(sort -n)
  kept=("${kept[@]:trim:${#kept[@]}-2*trim}")
  for one in "${kept[@]}"; do n=$((n + 1)) sum=$((sum + ${one%.*})); done
  mean=$((sum / n))
  for one in "${kept[@]}"; do squares=$((squares + (${one%.*} - mean) * (${one%.*} - mean))); done
  echo "{\"n\": $n, \"mean\": $mean, \"sd\": $((n > 1 ? squares / (n - 1) : 0))}"
}
