"""Real parts to test against: certificates, a wire-level IMAP server of ours, Dovecot, a probe."""
