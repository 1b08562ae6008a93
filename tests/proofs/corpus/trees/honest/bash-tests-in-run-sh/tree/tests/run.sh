#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=../lib/trim.sh
source lib/trim.sh
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got '$2', want '$3'"
    failed=1
  fi
}
check "blanks before" "$(printf '  a' | trim_lines)" "a"
check "blanks behind" "$(printf 'a \t' | trim_lines)" "a"
check "blanks within stay" "$(printf ' a  b ' | trim_lines)" "a  b"
check "the command does it" "$(printf ' a ' | bin/bash-tests-in-run-sh)" "a"
echo "1..$number"
exit "$failed"
