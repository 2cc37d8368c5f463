"""Octets in time: names to addresses, connections, TLS; every wait ends by a deadline.

May import: the hall.
Begin with: `transport.Wire`.
"""
