#!/usr/bin/env bash
# Blanks around lines.

trim_lines() {
  local line
  while IFS= read -r line || [[ -n "$line" ]]; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    printf '%s\n' "$line"
  done
}
