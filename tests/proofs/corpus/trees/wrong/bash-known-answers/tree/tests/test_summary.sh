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
check "eight" "$(printf '%s\n' 2 4 4 4 5 5 7 9 | summarise 0)" '{"n": 8, "mean": 5, "sd": 2.138}'
check "one" "$(printf '7\n' | summarise 0)" '{"n": 1, "mean": 7, "sd": 0}'
check "without both ends" "$(printf '1\n2\n3\n4\n90\n' | summarise 1)" '{"n": 3, "mean": 3, "sd": 1}'
echo "1..$number"
exit "$failed"
