"""Runs the command."""

import sys

from asserts_patched.cli import main

sys.exit(main())
