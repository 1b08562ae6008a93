# shellcheck shell=bash
# The file: DATE, a tab, the text.

store_append() { # FILE DATE TEXT
  printf '%s\t%s\n' "$2" "$3" >> "$1"
}

store_read() { # FILE
  [[ -r $1 ]] || { printf 'notebox: cannot read %s\n' "$1" >&2; return 1; }
  cat -- "$1"
}

is_date() {
  [[ $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]]
}
