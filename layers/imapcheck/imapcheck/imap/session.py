"""One IMAP session: every command that a check sends, a method for each, adapted to what the server offers.

`check.plan` decides which are sent, and in which order.
"""

from imapcheck.imap.commands.connection import ConnectionCommands
from imapcheck.imap.commands.filing import FilingCommands
from imapcheck.imap.commands.login import LoginCommands
from imapcheck.imap.commands.reading import ReadingCommands
from imapcheck.imap.commands.watching import WatchingCommands


class ImapSession(ConnectionCommands, LoginCommands, ReadingCommands, WatchingCommands, FilingCommands):
    """`ImapSession(wire, redactor, transcript)`: the files of commands in one class; nothing is added here."""
