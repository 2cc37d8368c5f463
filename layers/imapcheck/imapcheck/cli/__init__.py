"""The command line: arguments, files, exit statuses, the demo.

May import: everything.
Begin with: `app`.
"""
