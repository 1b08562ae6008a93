# Sourced by the tests: `is WHAT GOT WANT` and `finish`.
count=0
bad=0

is() {
  count=$((count + 1))
  if [[ $2 == "$3" ]]; then
    echo "ok $count - $1"
  else
    echo "not ok $count - $1"
    diff <(printf '%s\n' "$3") <(printf '%s\n' "$2") | sed 's/^/# /'
    bad=1
  fi
}

finish() {
  echo "1..$count"
  exit "$bad"
}
