"""The order of the steps, which is that of a mail client's session (docs/session.md)."""

from collections.abc import Callable

from imapcheck.check.state import Attempt
from imapcheck.check.steps import connection, filing, login, reading
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import StepName

type Step = Callable[[Attempt], None]


def plan(definition: CheckDefinition) -> list[tuple[StepName, Step]]:
    """The steps that `definition` asks for, in the order they run.

    `logout` comes last, whatever happened: that is `run`'s matter.
    """
    mode, logs_in = definition.tls_mode, definition.logs_in
    searches, sends = definition.search is not None, definition.new_message is not None
    cleans = definition.new_message is not None and definition.new_message.keep_for is not None
    steps: list[tuple[StepName, Step, bool]] = [
        ("dns", connection.dns, True),
        ("connect", connection.connect, True),
        ("tls", connection.tls, mode == "implicit"),
        ("greeting", connection.greeting, True),
        ("capability", connection.capability, True),
        ("starttls", connection.starttls, mode == "starttls"),
        ("tls", connection.tls, mode == "starttls"),
        ("authenticate", login.authenticate, logs_in),
        ("id", login.identify, definition.identify),
        ("namespace", reading.namespace, logs_in),
        ("list", reading.list_mailboxes, logs_in),
        ("examine", reading.examine, logs_in),
        ("quota", reading.quota, definition.quota is not None and logs_in),
        ("search", reading.search, searches),
        ("fetch", reading.fetch, searches),
        ("locate_sent", filing.locate_sent, sends),
        ("append", filing.append, sends),
        ("cleanup", filing.cleanup, cleans),
    ]
    return [(name, step) for name, step, asked in steps if asked]
