"""Ways out: what a result looks like to a person or a program, a file for each.

May import: the hall alone.
Begin with: `terminal` and `html`; both draw what `waterfall` lays out.
"""
