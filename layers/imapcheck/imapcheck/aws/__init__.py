"""What only AWS needs: secrets, metrics, settings. Nothing else imports boto3 or Powertools."""
