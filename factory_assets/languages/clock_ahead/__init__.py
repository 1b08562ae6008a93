"""What Python's programs read at their start where their clock is ahead: the folder is put on their search path."""
