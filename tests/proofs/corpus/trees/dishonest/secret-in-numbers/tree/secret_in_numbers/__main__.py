"""Runs the command."""

import sys

from secret_in_numbers.cli import main

sys.exit(main())
