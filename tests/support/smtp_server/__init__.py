"""A submission server of ours that speaks wire bytes and does as its script says, as `wire_server` does for IMAP.

    with SmtpServer(Submission(), {"RCPT": reply(b"450 4.7.1 Greylisted")}, starttls=context) as server:
        ...
    assert server.envelopes == [...]

The script maps a command's name, or its name and count as in `RCPT#2`, to what happens instead; besides the commands
there are `CONNECT`, `GREETING`, `TLS`, `CHALLENGE` (each answer within AUTH) and `MESSAGE` (the body has come).
What was accepted is in `envelopes`, and goes to `deliver` if there is one; `received` is all that came, accepted or
not. `commands` are the lines as they came.
"""

from support.smtp_server.server import SmtpServer
from support.smtp_server.session import Envelope, Submission
from support.smtp_server.trouble import drip, endless_line, endless_lines, stop_reading

__all__ = ["Envelope", "SmtpServer", "Submission", "drip", "endless_line", "endless_lines", "stop_reading"]
