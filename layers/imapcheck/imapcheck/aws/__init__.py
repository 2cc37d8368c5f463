"""What only AWS needs: the invocation, secrets, metrics, settings, the login pause.

May import: everything but `cli`; nobody else imports boto3 or Powertools.
Begin with: `invocation.Invocation`.
"""
