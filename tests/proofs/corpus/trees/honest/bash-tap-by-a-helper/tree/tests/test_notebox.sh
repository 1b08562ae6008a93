#!/usr/bin/env bash
here=$(cd "$(dirname "$0")" && pwd)
. "$here/helpers.sh"
export PATH="$here/../bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export NOTEBOX_FILE=$work/notes.txt

note() { NOTEBOX_DATE=$1 notebox add "${@:2}"; }

note 2024-05-01 "call the bank #money"
note 2024-05-01 water the plants "#home"
note 2024-05-02 pay rent "#money" "#home"

is "list prints dates and texts" "$(notebox list | head -1)" "2024-05-01  call the bank #money"
is "list finds by tag" "$(notebox list '#money' | wc -l | tr -d ' ')" 2
is "a tag is a whole word" "$(notebox list '#mon')" ""
is "tags are counted" "$(notebox tags)" "  2 #home
  2 #money"
is "export is Markdown" "$(notebox export)" "$(cat "$here/expected/export.md")"
is "an empty note is refused" "$(notebox add ' ' 2>&1; echo $?)" "notebox: nothing to add
1"
is "a bad date is refused" "$(NOTEBOX_DATE=today notebox add x 2>&1; echo $?)" "notebox: not a date: today
1"
is "an unknown command ends with 2" "$(notebox frob 2>&1; echo $?)" "notebox: unknown command frob
2"
is "another file is another box" "$(notebox --file=other.txt add hi && cut -f 2 other.txt)" hi
is "no file is one line" "$(notebox -f none list 2>&1)" "notebox: cannot read none"
is "help names the commands" "$(notebox --help | grep -c -E '^  (add|list|tags|export|help) ')" 5
finish
