"""The protocol: encoder and decoder, what the data says, a session with a method per command.

May import: the hall, `network`, `login`.
Begin with: `session.ImapSession`.
"""
