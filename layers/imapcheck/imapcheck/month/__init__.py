"""A calendar month of a check: its availability, goal, budget and outages, as text and as a page.

May import: alarms, report, output, definition and the hall.
Begin with: `figures`: numbers in, a month out; `text` says it.
"""
