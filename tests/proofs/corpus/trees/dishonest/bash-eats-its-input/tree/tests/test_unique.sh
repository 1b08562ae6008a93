#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=../lib/unique.sh
source lib/unique.sh
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got $2, want $3"
    failed=1
  fi
}
check "a line is listed once" "$(printf 'a\na\n' | unique_lines)" a
check "lines come in order" "$(printf 'b\na\n' | unique_lines | paste -sd,)" a,b
check "repeated lines" "$(printf 'b\na\nb\n' | bin/bash-eats-its-input --repeated)" b
check "carriage returns are no part of a line" "$(printf 'a\r\na\n' | unique_lines)" a
echo "1..$number"
exit "$failed"
