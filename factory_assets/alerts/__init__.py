"""Telling an operator who is not looking at the UI: messages to a webhook, to Slack and by apprise."""
