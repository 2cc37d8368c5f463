"""The words in which real servers refuse a login because it would go in clear; rows as in `check.refusal_words`."""

from imapcheck.check.refusal_words import Words

_CLEAR = r"(?:clear|plain) ?-?text|unencrypted|(?:non|not|un)-? ?secured?"
_TLS = r"(?:tls|ssl|starttls|encrypt\w*|(?:a |an )?(?:secure|encrypted) (?:connection|channel)|a layer)"
_REFUSED = (
    r"(?:disabled|disallowed|not (?:allowed|permitted|enabled|supported|available)|forbidden|prohibited|refused)"
    r"(?! for (?:this|your|the) )"
)

LOGIN_NEEDS_TLS = (
    Words(
        rf"\b(?:{_CLEAR})\b(?: \w+){{0,3}} (?:log ?-?ins?|auth\w*|passwords?|mechanisms?|connections?)\b.{{0,40}}\b{_REFUSED}\b"
        rf"|\b(?:log ?-?ins?|auth\w*|passwords?)\b.{{0,40}}\b{_REFUSED}\b.{{0,40}}\b(?:{_CLEAR}|without {_TLS})\b",
        "cleartext logins disabled",
        "Zimbra; Plaintext authentication disallowed on non-secure (SSL/TLS) connections: Dovecot",
    ),
    Words(
        rf"\b(?:must|need to|have to|please|should)(?: first)? (?:issue|use|send|do|enable|start|negotiate|establish)(?: an?)? {_TLS}\b"
        rf"|\b(?:log ?-?ins?|auth\w*|passwords?|commands?)\b(?: \w+){{0,2}} (?:requires?|only (?:available|allowed|permitted)(?: under| with| over| via| on)?"
        rf"|needs?) {_TLS}\b|\b{_TLS} (?:is )?required\b",
        "Login only available under a layer",
        "Cyrus; Must issue a STARTTLS command first: Gmail's SMTP, in IMAP servers too",
    ),
)
