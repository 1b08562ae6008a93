#!/usr/bin/env bash
# Lines of a text, each once.

unique_lines() {
  tr -d '\r' | LC_ALL=C sort -u
}

# The lines that stand there more than once, each once.
repeated_lines() {
  tr -d '\r' | LC_ALL=C sort | uniq -d
}
