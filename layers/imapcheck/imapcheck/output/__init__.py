"""Ways out: what results look like to a person or a program, a file for each; `terminal/` is for people.

May import: the hall alone.
Begin with: `outcome`, which all others take; then `formats`, which lists them.
"""
