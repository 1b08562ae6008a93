"""Language models: the Claude API, Claude Code, the LLM router, how they stand in for each other, prices."""
