"""The files that a repository starts from: templates per language and the code that writes them."""
