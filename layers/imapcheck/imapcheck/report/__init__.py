"""HTML: the report of a call, and the widget of the dashboard, from the same parts. Nobody else imports htpy.

May import: output and the hall.
Begin with: `page.page`; `run` is one run in it, `widget` the table of checks.
"""
