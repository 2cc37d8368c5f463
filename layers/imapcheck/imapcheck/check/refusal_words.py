"""The words in which real servers refuse: each row is a way of saying one thing.

A pattern over the words in lower case, what a server says, and where that was seen. `check.refusals` says what they mean.
"""

from typing import NamedTuple


class Words(NamedTuple):
    """`pattern` recognises what `said` is an example of; `source` is where servers say it."""

    pattern: str
    said: str
    source: str


_SAME_CLASS = "the same class in words of our own: no server in particular is known to say it"
_WRONG = r"(?:invalid|incorrect|wrong|bad|illegal|unknown|unrecogni[sz]ed|no such|mismatched|inactive)"
_WHO = r"(?:credentials?|passwords?|passphrase|passwd|user ?-?names?|user ?-?ids?|users?|logins?|accounts?|tokens?)"
_NOT_THE_SERVICE = (
    r"(?!\w| ?-?(?:database|directory|server|service|back-?end|store|daemon|lookup|source|records?|data|state"
    r"|cache|reply|failure|token))"
)
_FOR_ALL = (
    r"(?:rate\w*(?!.*\bfail)|by (?:another |other |an? |the )?(?:session|process|client|connection)|migrat\w*|being moved"
    r"|while \w+ mov(?:e|es|ing)|maintenance|backup|(?:concurrent|simultaneous)(?! (?:fail|wrong|invalid))|to read-only|for all users)"
)
_CANNOT = r"(?:could ?n[o']t|could not|can ?not|can't|unable to|failed to|failure to|error)"
_REACH = (
    r"(?:re)?(?:connect|contact|reach|load|get|access(?! imap)|open|look ?up|query|bind|communicat|talk|resolv|determin|handle"
    r"|serve|start|initiali[sz]|establish|read|fork|spawn|allocat|process|complet|forward|proxy"
    r"|(?:find|locat\w*)(?! (?:the |your |that |this )?(?:user|account|login|mail ?box)))"
)
_PARTS = (
    r"(?:ldap|dns|sql|mysql|mariadb|postgres\w*|database|db|directory|radius|kerberos|kdc|redis|saslauthd|authdaemond?"
    r"|back-?end|proxy|upstream|storage|lookup|mail ?store|(?:sub)?system|server|service)"
)

# Looked at first: what is wrong here is the name, the password or the account, whatever else is said.
LOGIN_REFUSED = (
    Words(
        rf"\b{_WRONG}[ :]+(?:(?!error |(?:server|host|node|back-?end) for )[\w'-]+[ /,]+){{0,3}}{_WHO}{_NOT_THE_SERVICE}",
        "Invalid user name or password. Please use full email address as user name.",
        "hMailServer, IMAPCommandLogin.cpp",
    ),
    Words(
        rf"(?<!db )(?<!database )(?<!backend )(?<!back-end )\b{_WHO}\b(?: [\w']+){{0,4}} (?:invalid|incorrect|wrong|unknown|mismatch|not match|doesn't match"
        r"|not (?:valid|correct|recogni[sz]ed|accepted)|expired|revoked)\b",
        "LOGIN Username/password incorrect",
        "Kerio Connect; passphrase expired: cyrus-sasl, lib/common.c",
    ),
    Words(
        r"(?<!for )\b(?:user|account) (?:was |could )?(?:not|be) (?:be )?found\b(?!.*\b(?:connection|offline|down|unavailable|time[d-]? ?out)\b)",
        "user not found",
        "cyrus-sasl, lib/common.c (sasl_errstring)",
    ),
    Words(
        r"\b(?:account|user|alias|access|login|address)\b(?:(?! to (?:the )?(?:server|service|database)| (?:database|db|store)\b)[ :][\w@.'-]+){0,6}?"
        rf" (?:locked|suspended|blocked|deactivated|inactive|frozen|banned|restricted)\b(?!.*\b{_FOR_ALL}\b)|\block(?:ed)? out\b",
        "Access to your account has been temporarily restricted",
        "Yandex: mscdex/node-imap issue 782",
    ),
    Words(
        r"\b(?:account|user)\b(?:[ :][\w@.'-]+){0,4}? (?:disabled|expired|closed|deleted|terminated|not (?:enabled|active))\b",
        "account disabled",
        "cyrus-sasl, lib/common.c (sasl_errstring); Dovecot, login-common (USER_DISABLED)",
    ),
    Words(
        r"\btoo many\b(?: \w+){0,3}? (?:fail\w*|invalid|bad|wrong|incorrect|unsuccessful)\b(?! connections?\b)"
        r"|\btoo many (?:\w+ ){0,3}?errors\b(?!.*\b(?:server|back-?end))"
        r"|\btoo many attempts with|\b(?:block|lock|bann)ed (?:\w+ ){0,3}too many (?:\w+ ){0,2}attempts",
        "Too many invalid logon attempts.",
        "hMailServer, IMAPCommandLogin.cpp; Too many login failures: UW imapd",
    ),
    Words(
        r"(?<!not )(?<!to )\b(?:check|verify|correct|reset|change|re-?enter) your (?:[\w ]+ )?(?:password|user ?name|credentials)",
        "Please check your password and try again later",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:app|application)[- ](?:specific )?password|web login required|via your web browser"
        r"|log in (?:with|via|through|using) (?:your|a|the) (?:web )?browser",
        "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
        "Gmail: LukeSmithxyz/mutt-wizard issue 831",
    ),
    Words(
        r"\bimap\b(?: (?:access|protocol|service))?(?: is| has been| was)?"
        r" (?:disabled|not enabled|turned off|switched off|not allowed) for (?:your|this|the) (?:account|user|mailbox|domain)",
        "IMAP access is disabled for your domain. Please contact your domain administrator",
        "Gmail (Google Workspace), support.google.com/a/answer/105694",
    ),
    Words(
        r"\bimap(?: (?:service|access))? (?:is )?(?:disabled\b(?!.*\b(?:maintenance|backup|upgrad\w*|migrat\w*|until|later|moment|now))|not included\b)",
        "POP/IMAP service disabled",
        _SAME_CLASS,
    ),
    Words(
        r"\bmail ?box (?:is |was |has been )?(?:locked|blocked|disabled|suspended) (?:due to|because of|for) (?:\w+ )?(?:abuse|spam\w*|fraud|non-?payment)\b",
        "Mailbox locked due to abuse; contact support",
        _SAME_CLASS,
    ),
)

LOGIN_UNAVAILABLE = (
    Words(r"\btempora", "Temporary authentication failure.", "Dovecot, login-common.h (AUTH_TEMP_FAILED_MSG)"),
    Words(r"\btransient\b", "transient failure (e.g., weak key)", "cyrus-sasl, lib/common.c (sasl_errstring)"),
    Words(
        r"\bunavailable\b|\bnot available\b|\bnot (?:be )?reachable\b|\bunreachable\b|\bnot respond|\bno (?:response|answer|reply) from"
        r"|\bunresponsive\b|\bnot answer",
        "Server Unavailable. 15",
        "Exchange: jstedfast/MailKit issue 333, lefcha/imapfilter issue 146",
    ),
    Words(
        r"\b(?:re-?try|try)(?: \w+){0,3} (?:later|shortly|soon|in (?:a|an|\d+|some) )|\btry later\b|\bretry (?:later|after|in)\b"
        r"|\b(?:come|check) back (?:later|soon|in)\b|\bafter (?:some time|a while)\b|\bwait a (?:few|moment|while|minute)",
        "Temporary server problem, try again later",
        "nginx ngx_mail_auth_http_module, documentation of the protocol (Auth-Status)",
    ),
    Words(
        r"\btoo (?:many|much)\b|\bexcessive\b|\bnumber of (?:\w+ )?(?:connections|sessions|logins)\b"
        r"|\bconnections? (?:count )?exceed",
        "Too many simultaneous connections. (Failure)",
        "Gmail: jstedfast/MailKit issue 377, zone-eu/wildduck issue 35",
    ),
    Words(
        r"\bmax(?:imum|imal)?\b(?: (?:allowed|number|amount|count|of|concurrent|simultaneous|open|imap|user|client)){0,4}"
        r" (?:connections?|sessions?|logins?|users|clients|processes|requests)",
        "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        "Dovecot, login-common/sasl-server.c: mscdex/node-imap issue 606",
    ),
    Words(
        r"\b(?:connection|session|process|client|rate|concurrency|resource|request|bandwidth)s? (?:limit|quota)"
        r"|\b(?:limits?|quota)(?: of \w+)? (?:has been |have been |was |is |were )?(?:exceeded|reached|hit)\b",
        "CAPABILITY Rate limit hit.",
        "Yahoo: postalsys/imapflow issue 75",
    ),
    Words(
        r"\bthrottl|\bback-?off\b|\bslow down\b|\brate.?limit",
        "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        "Exchange Online; stalwartlabs/imap-server issue 12",
    ),
    Words(
        r"\bbusy\b|\boverload|\b(?:high|heavy|excessive) load\b|\bload (?:is )?too high\b|\bat capacity\b|\b(?:queue|table) (?:is )?full\b",
        "Server busy, please try again",
        _SAME_CLASS,
    ),
    Words(
        r"\binternal\b(?: \w+){0,3} (?:error|failure|fault|problem|exception)",
        "Internal login failure. Refer to server log for more information.",
        "Dovecot, login-common/client-common-auth.c; internal server error (#IS6530): Yahoo, mscdex/node-imap issue 325",
    ),
    Words(
        rf"(?<!to )(?<!to mail )(?<!to the )\b{_PARTS}(?: (?!auth|log[io]n|bind|passw|verif|admin|provider|owner|if\b)\w+){{0,3}}[ -:]+"
        r"(?:error|fault|problem|bug|failure|failed|failing|malfunction|crash\w*|timeout|down|offline|lost|gone away|unusable|degraded)\b",
        "AUTHENTICATE Server error - Please try again later",
        "Yahoo: Enough-Software/enough_mail_app issue 61",
    ),
    Words(
        rf"\b(?:error|fault|problem|failure|failed|trouble)\b(?: \w+){{0,3}} (?:(?<=problem )with|(?<=error )with|in|of|from|within|querying|contacting|talking to)"
        rf" (?:\w+ ){{0,2}}{_PARTS}\b",
        "Authentication failed due to a problem with the authentication server",
        _SAME_CLASS,
    ),
    Words(
        r"\bdue to (?:a |an |some )?(?:\w+ )?(?:server|system|technical|network|database|service)|\btechnical (?:problem|difficult)",
        "Login failed due to technical problems",
        _SAME_CLASS,
    ),
    Words(
        rf"\b{_CANNOT}(?: (?:to|be|while|in|during|when|trying))*(?: \w+)? {_REACH}",
        "failed: Could not connect to server",
        "Perdition, perdition.c (LOGIN_FAILED_PROTOCOL); Could not determine server, likewise",
    ),
    Words(
        r"\bconnect(?:ion|ing|ions)?\b(?: \w+){0,5} (?:fail\w*|refused|lost|timed|reset|error|problem|broken|dropped)\b"
        r"|\blost (?:the )?connection\b|\bconnection (?:to|with) (?:\w+ ){1,3}closed\b",
        "failed: Connection Negotiation Failure",
        "Perdition, perdition.c (LOGIN_FAILED_PROTOCOL)",
    ),
    Words(
        r"\btls not present\b", "failed: TLS not present", "Perdition, perdition.c: between the proxy and its back end"
    ),
    Words(
        r"\bnot connected\b", "User is authenticated but not connected.", "Exchange: M66B/FairEmail, ConnectionHelper"
    ),
    Words(
        r"\btime[d-]? ?out\b|\bdeadline exceeded\b",
        "Authentication timed out at the back end",
        _SAME_CLASS,
    ),
    Words(
        r"\bmaintenance\b|\bshut(?:ting)? ?down\b|\bgoing down\b|\bout of (?:service|order)\b|\boutage\b"
        r"|\b(?:re)?starting\b|\bnot (?:yet )?(?:ready|running|started|operational|online)\b|\bupgrad|\bmigrat"
        r"|\b(?:is|are|currently|now|server|service|system) (?:down|offline)\b",
        "account is in maintenance mode",
        "Zimbra, AccountServiceException.MAINTENANCE_MODE",
    ),
    Words(
        r"\blogins (?:are |have been )?(?:currently |now )?(?:disabled|closed|suspended|not (?:possible|accepted))"
        r"|\bservice (?:is )?(?:currently |now )?disabled\b(?! for)"
        r"|\bnot (?:currently )?accepting (?:\w+ )?(?:connections|logins|requests|users)\b|\bcurrently (?:not |im)possible\b|\b(?:at present|right now|at (?:this|the) (?:time|moment)|for the moment)\b",
        "Unable to authenticate at present",
        "Exim, dovecot driver: RainLoop/rainloop-webmail issue 1373",
    ),
    Words(
        r"\bstatus=5\d\d\b|\bno-resources\b",
        "status=503 schemes=bearer",
        "the JSON challenge of XOAUTH2 and OAUTHBEARER (RFC 7628 section 3.2.2); SCRAM's no-resources (RFC 5802 section 7)",
    ),
    Words(
        r"\bgeneric failure\b",
        "Login failed: generic failure",
        "Cyrus without saslauthd: cyrusimap/cyrus-sasl issue 785 (SASL_FAIL)",
    ),
    Words(
        r"\b(?:out of|no|insufficient|not enough|low on)(?: \w+)? (?:memory|resources?|disk|space|processes|threads|descriptors|file handles)"
        r"|\bcannot allocate\b|\bno space left\b|\bdisk (?:is )?full\b|\bi/o error\b|\bread-only file"
        r"|\bresources? (?:shortage|exhausted|exceeded)",
        "no memory available",
        "cyrus-sasl, lib/common.c (sasl_errstring)",
    ),
    Words(
        r"\bno (?:\w+ ){0,2}(?:slots?|servers?|backends?|back-ends?|upstreams?|hosts?|nodes?|workers?)\b|\bbad gateway\b|\bservice not\b",
        "no available backend",
        _SAME_CLASS,
    ),
    Words(
        r"\bexception\b|\btraceback\b|\b(?:unexpected|unspecified|unhandled|unknown|fatal|system|technical|software) (?:error|failure|problem|condition)"
        r"|\bcrash|\bpanic\b|\bassert|\bmisconfigur",
        "Unknown error",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:in use|locked|opened) by (?:another|other)|\b(?:mailbox|maildrop|maildir|database) (?:is )?(?:already )?(?:in use|locked|corrupt)",
        "mailbox is locked by another session",
        _SAME_CLASS,
    ),
    Words(
        rf"\b(?:locked|suspended|blocked|restricted)\b.*\b{_FOR_ALL}\b|\blocked while\b|\buntil further notice\b",
        "account locked by another session",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:an|some) error (?:has )?occurred\b|\b(?:problem|error) occurred\b|\bsomething went wrong\b"
        r"|^(?:please )?(?:re-?try|try again)[.! ]*$|\b(?:cache|server) error\b"
        r"|\bcannot be performed\b|\bnot able to serve\b|\bcan ?not log ?in now\b",
        "Something went wrong on our side",
        _SAME_CLASS,
    ),
    Words(
        r"\bhttp (?:error )?5\d\d\b|^(?:error )?5\d\d\b|\be(?:conn\w+|timedout|again|hostunreach)\b|\bgetaddrinfo\b"
        r"|\bdeadlock\b|\bunexpected eof\b|\bserver closed (?:the )?connection\b|\bfork failed\b|\bwrong number of arguments\b",
        "HTTP 503",
        "errors of a layer below, passed on: HTTP status, errno, resolver",
    ),
    Words(
        r"\bfail-?over\b|\bread-only mode\b|\bdraining\b|\bdowntime\b|\b(?:is|are|being) (?:being )?(?:moved|migrated)\b"
        r"|\bback-?end (?:gone|moved)\b|\bacquire (?:\w+ )?lock\b",
        "Scheduled downtime",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:pool|workers?|threads?|connections?|memory|slots?|descriptors?|sockets?)(?: is| are)? exhausted\b"
        r"|\bcapacity reached\b|\brate exceeded\b|\b(?:session|connection) cap\b|\bquota of connections\b|\blicensed users exceeded\b",
        "Rate exceeded for user",
        _SAME_CLASS,
    ),
    Words(
        r"\bcannot retrieve\b(?! (?:the |your )?(?:user|account|login|mail ?box)\b)",
        "PAM: Authentication service cannot retrieve authentication info",
        "Linux-PAM, pam_strerror (PAM_AUTHINFO_UNAVAIL)",
    ),
    Words(
        r"\b(?:invalid|bad|malformed|unexpected) (?:response|reply|answer) from (?!client|user|you)|\bserver reply\b"
        r"|\bdata received from\b|\bstate in proxy\b|\bfailure on back-?end\b"
        r"|\b(?:unknown|no such|inactive) (?:login|user|account|auth\w*) (?:server|service|database|back-?end|store)\b"
        r"|\b(?:shard|host|node|server|back-?end) for (?:\w+ )?user (?:was )?not found\b",
        "bad response from LDAP server",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:db|database|back-?end|proxy) (?:tokens?|credentials?|passwords?|certificate)\b(?: \w+){0,2} (?:invalid|expired|wrong)\b"
        r"|\bcertificate of (?:\w+ )?(?:server|back-?end) (?:has )?expired\b"
        r"|\bserver licen[sc]e (?:has )?expired\b|\blicen[sc]e (?:has )?expired for (?:\w+ )?server\b",
        "DB credentials invalid, contact admin",
        _SAME_CLASS,
    ),
)

MAILBOX_MISSING = (
    Words(
        r"\b(?:mailbox|folder|mail ?box|directory)\b.{0,200}? (?:does ?n[o']t|does not|did not) exist",
        "Mailbox doesn't exist: Nowhere",
        "Dovecot, lib-storage/mail-storage.h (MAIL_ERRSTR_MAILBOX_NOT_FOUND); Mailbox does not exist: Cyrus, imap_err.et",
    ),
    Words(r"(?:does ?n[o']t|does not) exist", "Nowhere doesn't exist.", "Exchange: NO to SELECT"),
    Words(
        r"\b(?:no such|unknown|non-?existent|inexistent|missing) (?:mail ?box|folder|directory|file or directory)",
        "Unknown Mailbox: Nowhere (Failure)",
        "Gmail; no such mailbox: UW imapd, James, GreenMail",
    ),
    Words(
        r"\b(?:mail ?box|folder)\b.{0,200}? (?:not found|not be found|is missing|unknown|no longer exists)",
        "Folder could not be found.",
        "hMailServer, IMAPCommandSelect.cpp",
    ),
    Words(
        r"\b(?:can ?not|can't|could not|couldn't|unable to) (?:find|locate) (?:\w+ )?(?:mail ?box|folder)",
        "SELECT error - Can't find folder",
        "Yahoo",
    ),
)

_ROOM = r"(?:storage|mail ?box(?:'s)?|mail ?store|disk|account(?:'s)?|space|volume)"
_PASSED = r"(?:exceed\w*|reached|used up|exhausted|hit|passed|over ?run)"
_NOT_THE_MESSAGE = r"(?<!\w)(?!.{0,200}\bmessage (?:size|is too|too)|.{0,200}\bmaximum message)"

OVER_QUOTA = (
    Words(
        r"\b(?:over|exceed\w*|out of|above|beyond|full)\b.{0,40}\bquota\b|\bquota\b.{0,60}\b(?:exceed\w*|full|reached|over)",
        "Quota exceeded (mailbox for user is full)",
        "Dovecot, plugins/quota (quota_exceeded_message); Over quota: Cyrus, imap_err.et",
    ),
    Words(
        rf"{_NOT_THE_MESSAGE}\b{_ROOM}\b(?: \w+){{0,3}} (?:limit|allocation|allowance|capacity|size)s?\b.{{0,40}}\b{_PASSED}"
        rf"|{_NOT_THE_MESSAGE}\b{_PASSED}\b.{{0,40}}\b{_ROOM}\b.{{0,25}}\b(?:limit|allocation|allowance|maximum|capacity|size|space)",
        "The 1500 MB storage limit has been exceeded.",
        "GroupWise: OfflineIMAP/offlineimap issue 29",
    ),
    Words(
        rf"\b(?:not enough|no(?: more| free)?|insufficient|lack of|out of|low on) (?:\w+ ){{0,2}}(?:space|storage|room)\b"
        rf"|\b{_ROOM}(?: space| quota)? (?:is |has been |was |are )?(?:now |almost )?(?:exhausted|used up|full|depleted)\b"
        rf"|\b(?:maximum|max) (?:\w+ )?{_ROOM} (?:size|space|limit) (?:\w+ )?{_PASSED}",
        "Out of disk space",
        _SAME_CLASS,
    ),
    Words(
        r"\b(?:mail ?box|account|user|storage) (?:is |has (?:become )?)?(?:full|over (?:its )?(?:limit|size))\b|\bno (?:more )?(?:space|room)\b"
        r"|\bnot enough space\b|\binsufficient (?:space|storage)\b",
        "Mailbox is full",
        "hMailServer, IMAPCommandAppend.cpp (Your quota has been exceeded); Kerio Connect",
    ),
)
