"""Looking up whether something like a spec exists already, before money is spent on it."""
