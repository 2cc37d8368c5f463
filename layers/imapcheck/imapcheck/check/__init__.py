"""The check: steps (`steps/`) in their order (`plan`), what they learnt (`state`), the verdict (`run`).

May import: the hall, `definition`, `network`, `login`, `imap`.
Begin with: `run.run_check`, then `plan`.
"""
