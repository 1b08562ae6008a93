#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
source lib/summary.sh
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got $2, want $3"
    failed=1
  fi
}
check "eight" "$(printf '%s\n' 2 4 4 4 5 5 7 9 | summarise 0)" '{"n": 8, "mean": 5.000000, "sd": 2.138090}'
check "one" "$(printf '7.5\n' | summarise 0)" '{"n": 1, "mean": 7.500000, "sd": 0.000000}'
check "without both ends" "$(printf '%s\n' 100 1 2 3 -50 | summarise 1)" '{"n": 3, "mean": 2.000000, "sd": 1.000000}'
echo "1..$number"
exit "$failed"
