"""The order of the steps, which is that of a mail client's session (docs/session.md)."""

from collections.abc import Callable

from imapcheck.check.state import Attempt
from imapcheck.check.steps import connection, filing, login, reading
from imapcheck.definition.asked import why_not
from imapcheck.definition.model import CheckDefinition
from imapcheck.steps import STEP_NAMES, StepName

type Step = Callable[[Attempt], None]

_FUNCTIONS: dict[StepName, Step] = {
    "dns": connection.dns,
    "connect": connection.connect,
    "tls": connection.tls,
    "greeting": connection.greeting,
    "capability": connection.capability,
    "starttls": connection.starttls,
    "authenticate": login.authenticate,
    "id": login.identify,
    "namespace": reading.namespace,
    "list": reading.list_mailboxes,
    "examine": reading.examine,
    "quota": reading.quota,
    "search": reading.search,
    "fetch": reading.fetch,
    "locate_sent": filing.locate_sent,
    "append": filing.append,
    "cleanup": filing.cleanup,
}


def plan(definition: CheckDefinition) -> list[tuple[StepName, Step]]:
    """The steps that `definition` asks for, in the order they run.

    `logout` comes last, whatever happened: that is `run`'s matter.
    """
    functions = _FUNCTIONS | _sending() if definition.sends else _FUNCTIONS
    order = [name for name in STEP_NAMES if name in functions]
    if definition.tls_mode == "starttls":
        order.remove("tls")
        order.insert(order.index("starttls") + 1, "tls")
    return [(name, functions[name]) for name in order if why_not(definition, name) is None]


def _sending() -> dict[StepName, Step]:
    from imapcheck.check.steps import sending  # few ask for it

    return {
        "examine": sending.examine,
        "send_connect": sending.send_connect,
        "send_tls": sending.send_tls,
        "send_authenticate": sending.send_authenticate,
        "submit": sending.submit,
        "arrival": sending.arrival,
        "search": sending.search,
    }
