"""From definitions to CloudFormation, and what a deployment minds: the texts of `stacks/`, refusals, doubts.

May import: alarms, imap, network, definition and the hall.
Begin with: `checks.checks_template`, `refusals.refusals`, `doubts.doubts`.
"""
