"""What a call asks for: each file's definition and the credentials for it, or what is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imapcheck.asked import Asked
from imapcheck.cli.crash import crash_report
from imapcheck.cli.credentials import CredentialsFinder, FoundCredentials
from imapcheck.definition.files import load_definition
from imapcheck.definition.json_text import display_name
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import Parts, is_part
from imapcheck.definition.plain import plain
from imapcheck.errors import CredentialsError, DefinitionError
from imapcheck.output.outcome import Outcome
from imapcheck.result import CheckResult
from imapcheck.text import one_line


@dataclass(frozen=True)
class Order:
    """A file of the call: a definition and its credentials, or `problem`, which `crashed` marks as a bug of ours."""

    file: Path
    definition: CheckDefinition | None = None
    found: FoundCredentials | None = None
    problem: str | None = None
    crashed: bool = False

    @property
    def check(self) -> str:
        """The check's name; the file's where the definition cannot be read."""
        return self.definition.label if self.definition is not None else one_line(self.file.stem, 40)

    def outcome(self, result: CheckResult | None = None, *, error: str | None = None, crashed: bool = False) -> Outcome:
        """What came of it: a result, or else `error`, which is `problem` unless given."""
        file = str(self.file)
        asked = Asked(file=file) if self.definition is None else plain(self.definition, file)
        if result is not None:
            return Outcome(self.check, result, asked=asked)
        return Outcome(self.check, error=error or self.problem, crashed=crashed or self.crashed, asked=asked)


class Orders:
    """The orders of one call, as they were `taken` at the start, and each with its credentials read anew.

    Files that are parts of definitions are passed over.
    """

    def __init__(self, files: Sequence[Path], finder: CredentialsFinder) -> None:
        self._finder = finder
        parts = Parts()
        self.taken = _serving_one_host([_order(file, finder, parts) for file in files if not is_part(file)])

    def renewed(self, order: Order) -> Order:
        """`order` with the credentials that stand there now, or what is wrong with them; the definition stays."""
        if order.definition is None:
            return order
        finder = self._finder.anew()
        anew = _with_credentials(order, order.definition, finder)
        if anew.found is None or anew.found.credentials.host is not None:
            return anew
        others = [
            _with_credentials(other, other.definition, finder)
            for other in self.taken
            if other.definition is not None and _may_share(other, anew.found)
        ]
        return _serving_one_host([anew, *others])[0]


def _order(file: Path, finder: CredentialsFinder, parts: Parts) -> Order:
    order = Order(file)
    try:
        definition = load_definition(file, parts)
    except DefinitionError as error:
        return replace(order, problem=str(error))
    except Exception as error:  # noqa: BLE001 - one file's bug must not take the others' results along
        return _struck(order, error)
    return _with_credentials(order, definition, finder)


def _with_credentials(order: Order, definition: CheckDefinition, finder: CredentialsFinder) -> Order:
    try:
        found = finder.find(definition, display_name(order.file))
    except CredentialsError as error:
        return Order(order.file, definition, problem=str(error))
    except Exception as error:  # noqa: BLE001 - see above
        return _struck(Order(order.file, definition), error)
    return Order(order.file, definition, found)


def _struck(order: Order, error: Exception) -> Order:
    return replace(order, problem=f"{display_name(order.file)}: internal error\n{crash_report(error)}", crashed=True)


def _may_share(other: Order, found: FoundCredentials) -> bool:
    return other.found is None or other.found.source == found.source


def _serving_one_host(orders: list[Order]) -> list[Order]:
    """Credentials that name no host serve one host a call: none of several is tried at a venture."""
    hosts: dict[str, set[str]] = {}
    for order in orders:
        if order.definition is not None and order.found is not None and order.found.credentials.host is None:
            hosts.setdefault(order.found.source, set()).add(order.definition.host)
    return [_refused(order, hosts) for order in orders]


def _refused(order: Order, hosts: Mapping[str, set[str]]) -> Order:
    if order.found is None or order.found.credentials.host is not None:
        return order
    served = hosts[order.found.source]
    if len(served) == 1:
        return order
    problem = (
        f"{display_name(order.file)}: {order.found.source} names no host, and this call has {len(served)}"
        f" ({', '.join(sorted(served)[:3])}{' and more' if len(served) > 3 else ''}): {order.found.host_advice}"
    )
    return replace(order, found=None, problem=problem)
