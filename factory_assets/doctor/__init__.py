"""What `factory doctor` looks at: credentials, programs, servers and disk, each with what it affects."""
