#!/usr/bin/env bash
# Lines that include a file.

expand_includes() {
  local vendored=$1 line word repo file
  while IFS= read -r line || [[ -n "$line" ]]; do
    read -r word repo file <<< "$line"
    if [[ "$word" == "include" && -n "$file" ]]; then
      cat -- "$vendored/$repo/$file"
    else
      printf '%s\n' "$line"
    fi
  done
}
