"""Package managers and registries: what each language's record in languages/ has resolved and installed by."""
