"""MiniStack as the tests run it: functions the way Lambda runs them, and what it lacks taught to it.

Runs in `.venv-emulator/`, as `python -m deploy.launcher` with `tests/` on the path. It reaches into names that
MiniStack keeps to itself, so `requirements/emulator.txt` pins it exactly.
"""
