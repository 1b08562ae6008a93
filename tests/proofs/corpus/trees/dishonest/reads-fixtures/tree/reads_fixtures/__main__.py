"""Runs the command."""

import sys

from reads_fixtures.cli import main

sys.exit(main())
