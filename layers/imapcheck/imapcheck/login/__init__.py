"""Who we are: credentials, SASL mechanisms, OAuth2 tokens. A mechanism knows nothing of IMAP.

May import: the hall, `definition`, `network`.
Begin with: `mechanisms.Mechanism` and `mechanism_for`.
"""
