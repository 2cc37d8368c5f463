"""What only AWS needs: the invocation, secrets, settings, metrics, withheld logins.

May import: everything but `cli`. Nobody else imports boto3 or Powertools.
Begin with: `invocation.Invocation`, what one event sets off.
"""
