"""Runs the command."""

import sys

from conftest_forgives.cli import main

sys.exit(main())
