"""The build stage: a spec becomes a repository in three phases, with a gate after each."""
