"""What the deployed function would refuse at each run, and only the rooms below `definition` can tell."""

from collections.abc import Iterator, Mapping

from imapcheck.definition.access import TlsDefinition, TlsMode
from imapcheck.definition.files import problem_line
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.network.resolver import is_local_name
from imapcheck.network.tls import client_context
from imapcheck.stack.refusals import is_pem


def run_refusals(definition: CheckDefinition, source: str, *, allow_local_addresses: bool = False) -> list[str]:
    """One line each, beginning with `source`; none for what `refusals` already tells."""
    found = [*_refused_authority(definition, "tls", definition.tls, definition.tls_mode)]
    hosts = {"server": definition.host}
    if (send := definition.send) is not None:
        found += _refused_authority(definition, "send.tls", send.tls, send.tls_mode)
        hosts["send.server"] = send.host
    if not allow_local_addresses and definition.runs_in_stack:
        found += _refused_hosts(hosts)
    return [problem_line(definition.source_of(problem[0], source), *problem) for problem in found]


def _refused_hosts(hosts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """`check.steps.connection` refuses the same addresses, once the name is resolved."""
    for field, host in hosts.items():
        if is_local_name(host):
            kind = f"{host}, a loopback, link-local or unspecified address"
            yield field, kind, "a server that a check inside Lambda can reach, or no schedule"


def _refused_authority(
    definition: CheckDefinition, field: str, tls: TlsDefinition, mode: TlsMode
) -> Iterator[tuple[str, str, str]]:
    name, path = tls.ca_file, definition.path_of(tls.ca_file)
    if name is None or path is None or mode == "none" or not path.is_file():
        return
    if not is_pem(path.read_bytes()):
        return
    try:
        client_context(verify=True, minimum_version=tls.minimum_version, ca_path=path)
    except DefinitionError:
        yield f"{field}.ca_file", f'"{name}"', "certificates in PEM that OpenSSL can load"
