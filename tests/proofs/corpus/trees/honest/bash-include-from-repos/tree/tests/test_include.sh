#!/usr/bin/env bash
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=../lib/include.sh
source lib/include.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/user/repo/lib"
echo "echo included" > "$folder/user/repo/lib/file.sh"
number=0 failed=0
check() {
  number=$((number + 1))
  if [[ "$2" == "$3" ]]; then echo "ok $number - $1"; else
    echo "not ok $number - $1: got '$2', want '$3'"
    failed=1
  fi
}
check "a file is included" "$(echo 'include user/repo lib/file.sh' | expand_includes "$folder")" "echo included"
check "other lines stay" "$(echo 'echo plain' | expand_includes "$folder")" "echo plain"
check "an include of nothing stays" "$(echo 'include it' | expand_includes "$folder")" "include it"
echo "1..$number"
exit "$failed"
