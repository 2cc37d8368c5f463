"""What the deployed function would refuse at each run, and only the rooms below `definition` can tell."""

from collections.abc import Iterator

from imapcheck.definition.deployment import is_pem
from imapcheck.definition.files import problem_line
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.network.resolver import is_local_name
from imapcheck.network.tls import client_context


def run_refusals(definition: CheckDefinition, source: str, *, allow_local_addresses: bool = False) -> list[str]:
    """One line each, beginning with `source`; none for what `definition.deployment.refusals` already tells."""
    found = [*_refused_authority(definition)]
    if not allow_local_addresses:
        found += _refused_host(definition)
    return [problem_line(source, *problem) for problem in found]


def _refused_host(definition: CheckDefinition) -> Iterator[tuple[str, str, str]]:
    """`check.steps.connection` refuses the same addresses, once the name is resolved."""
    if definition.schedule is not None and not definition.runs_outside and is_local_name(definition.host):
        kind = f"{definition.host}, a loopback, link-local or unspecified address"
        yield "server", kind, "a server that a check inside Lambda can reach, or no schedule"


def _refused_authority(definition: CheckDefinition) -> Iterator[tuple[str, str, str]]:
    name, path = definition.tls.ca_file, definition.ca_path
    if name is None or path is None or definition.tls_mode == "none" or not path.is_file():
        return
    if not is_pem(path.read_bytes()):
        return
    try:
        client_context(verify=True, minimum_version=definition.tls.minimum_version, ca_path=path)
    except DefinitionError:
        yield "tls.ca_file", f'"{name}"', "certificates in PEM that OpenSSL can load"
