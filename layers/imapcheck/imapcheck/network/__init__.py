"""Bytes in time: names to addresses, connections, TLS. Every wait ends by a deadline.

May import: the hall. Nobody else imports `socket` or `ssl`.
Begin with: `transport.Wire`, which the protocol reads from and writes to.
"""
