#!/usr/bin/env bash
# Quoting for a shell.

quote_all() {
  local quoted="" argument
  for argument in "$@"; do
    quoted+="${quoted:+ }$(printf '%q' "$argument")"
  done
  if [[ -n "$quoted" ]]; then
    printf '%s\n' "$quoted"
  fi
}
