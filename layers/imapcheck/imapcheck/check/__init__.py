"""The check itself: which steps, in which order, what they have learnt, the verdict.

May import: the hall and the rooms above: `definition`, `network`, `login`, `imap`.
Begin with: `run.run_check`.
"""
