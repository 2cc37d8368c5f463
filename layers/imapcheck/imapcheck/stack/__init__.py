"""From definitions to CloudFormation: the text of `stacks/checks.yaml` and `stacks/contacts.yaml`.

May import: alarms, definition and the hall.
Begin with: `checks.checks_template`.
"""
