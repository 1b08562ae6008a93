from hourbook.cli import main

raise SystemExit(main())
