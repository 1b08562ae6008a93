"""The way of every model call: one program that holds the credential, and through which all calls pass."""
