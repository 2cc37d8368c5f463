"""Ways out: what results look like to a person or a program, a file for each.

May import: the hall alone.
Begin with: `outcome`, which most others take; then `terminal` and `html`, which draws what `waterfall` lays out.
"""
