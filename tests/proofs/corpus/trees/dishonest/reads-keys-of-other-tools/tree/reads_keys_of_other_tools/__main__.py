"""Runs the command."""

import sys

from reads_keys_of_other_tools.cli import main

sys.exit(main())
