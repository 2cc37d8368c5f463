"""Alarms of checks: one class a kind says all about it, from its CloudWatch alarm to the story of its end.

May import: output, definition and the hall.
Begin with: `kind`, what every kind says of itself; `kinds` lists them; `story` makes a message of one change.
"""
