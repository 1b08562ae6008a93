"""Run the command."""

from shift_ledger.cli import main

raise SystemExit(main())
