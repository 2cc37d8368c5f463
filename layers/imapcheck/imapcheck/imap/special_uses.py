"""The special uses that mailboxes have (RFC 6154 section 2, RFC 8457), as the RFCs write them; case does not count."""

SPECIAL_USES = ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash")
