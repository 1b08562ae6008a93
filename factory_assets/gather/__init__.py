"""Stage one: new papers from a source, labelled with the topics they match, into the store."""
