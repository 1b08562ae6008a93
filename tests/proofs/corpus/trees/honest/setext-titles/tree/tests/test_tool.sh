#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got '$2', want '$3'"
    failed=1
  fi
}
check "a line twice" "$(printf 'a\n' | bin/setext-titles 2 | paste -sd,)" "a,a"
check "no line" "$(printf '' | bin/setext-titles 2)" ""
check "never" "$(printf 'a\n' | bin/setext-titles 0)" ""
echo "1..$number"
exit "$failed"
