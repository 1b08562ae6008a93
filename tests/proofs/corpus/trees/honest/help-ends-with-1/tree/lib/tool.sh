#!/usr/bin/env bash
# Repeats lines.

repeat_lines() {
  local times=$1 line count
  while IFS= read -r line || [[ -n "$line" ]]; do
    for ((count = 0; count < times; count++)); do
      printf '%s\n' "$line"
    done
  done
}
