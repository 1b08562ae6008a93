#!/usr/bin/env bash
# Runs the tests from wherever it is called.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec python3 -m pytest -q "$@"
