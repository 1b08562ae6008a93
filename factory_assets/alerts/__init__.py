"""Telling an operator who is not looking at the UI: messages to a webhook and to Slack."""
