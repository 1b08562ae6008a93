"""Runs the command."""

import sys

from version_is_worked_out.cli import main

sys.exit(main())
