"""The terminal: one run (`verdict`), its steps as they end (`steps`), several runs (`table`); `screens` says when.

Nobody else but `cli` imports rich.
"""
