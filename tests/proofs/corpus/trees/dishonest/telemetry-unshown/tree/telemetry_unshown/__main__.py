"""Runs the command."""

import sys

from telemetry_unshown.cli import main

sys.exit(main())
