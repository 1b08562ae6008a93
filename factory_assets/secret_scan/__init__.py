"""Looking for secrets in a repository's whole history before anybody else can see it."""
