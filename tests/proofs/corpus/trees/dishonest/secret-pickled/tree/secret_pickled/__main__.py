"""Runs the command."""

import sys

from secret_pickled.cli import main

sys.exit(main())
