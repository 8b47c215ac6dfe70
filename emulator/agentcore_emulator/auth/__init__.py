"""Who may call an agent runtime: signatures, tokens, and an issuer of tokens for those who have none."""
