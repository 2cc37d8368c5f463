"""What the tests play against, each named by what it plays.

IMAP servers (`wire_server` by script, `mail_server` with mailboxes, `dovecot`), their certificates, an OAuth2
`token_endpoint`, Lambda's `runtime_api`; and `mailbox_probe`, which says what a check did to a mailbox.
"""
