"""The intake: specs from outside, read from JSON files or another program's table, validated and queued."""
