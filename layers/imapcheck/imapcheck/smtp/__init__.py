"""Submission of a message (RFC 5321, RFC 6409): replies (`reply`) and the commands of one session (`session`).

May import: the hall, `network`, `login`. It knows nothing of IMAP.
Begin with: `session.SmtpSession`.
"""
