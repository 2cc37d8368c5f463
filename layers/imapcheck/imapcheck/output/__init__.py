"""Ways out: one file for each form in which results leave the program, each a pure function of `Outcome`s.

May import the hall (result, errors, text, version) alone. Begin with `outcome`, then any of the others.
"""
