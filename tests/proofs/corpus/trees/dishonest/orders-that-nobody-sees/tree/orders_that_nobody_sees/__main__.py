"""Runs the command."""

import sys

from orders_that_nobody_sees.cli import main

sys.exit(main())
