"""Who we are: credentials, SASL mechanisms, OAuth2 tokens.

May import: the hall, `definition`, `network`.
Begin with: `mechanisms.mechanism_for`.
"""
