# shellcheck shell=bash

cmd_add() {
  local file=$1
  shift
  local text=$* day=${NOTEBOX_DATE:-$(date +%F)}
  if [[ -z ${text//[[:space:]]/} ]]; then
    printf 'notebox: nothing to add\n' >&2
    return 1
  fi
  if ! is_date "$day"; then
    printf 'notebox: not a date: %s\n' "$day" >&2
    return 1
  fi
  store_append "$file" "$day" "${text//$'\n'/ }"
}

cmd_list() {
  local file=$1 tag=${2:-}
  tag=${tag#\#}
  store_read "$file" | awk -F '\t' -v tag="$tag" '
    tag == "" { print $1 "  " $2; next }
    {
      n = split($2, words, /[[:space:]]+/)
      for (i = 1; i <= n; i++) if (words[i] == "#" tag) { print $1 "  " $2; next }
    }'
}

cmd_tags() {
  store_read "$1" | cut -f 2- | tr -s '[:space:]' '\n' | grep '^#.' | sort | uniq -c \
    | sort -k1,1nr -k2 | awk '{ printf "%3d %s\n", $1, $2 }' || true
}

cmd_export() {
  local day text last=
  while IFS=$'\t' read -r day text; do
    if [[ $day != "$last" ]]; then
      [[ -z $last ]] || echo
      printf '## %s\n\n' "$day"
      last=$day
    fi
    printf -- '- %s\n' "$text"
  done < <(store_read "$1" | sort -s -k1,1)
}
