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
check "three" "$(printf '1\n2\n3\n' | summarise 0)" '{"n": 3, "mean": 2.000000, "sd": 1.000000}'
check "one" "$(printf '7\n' | summarise 0)" '{"n": 1, "mean": 7.000000, "sd": 0.000000}'
check "without both ends" "$(printf '1\n2\n3\n4\n90\n' | summarise 1)" '{"n": 3, "mean": 3.000000, "sd": 1.000000}'
echo "1..$number"
exit "$failed"
