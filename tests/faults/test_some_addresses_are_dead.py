"""A name with several addresses: dead ones beside a working one are told, and local ones are no server's."""

import ssl
from ipaddress import ip_address
from typing import Any

import pytest

from imapcheck import CheckDefinition, CheckResult, run_check
from imapcheck.check.steps import connection
from imapcheck.errors import DefinitionError
from imapcheck.network.resolver import Resolved, is_local
from support.certificates import Certificates
from support.wire_server import WireServer


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, server_context: ssl.SSLContext, certificates: Certificates) -> Any:
    """Run against a server on 127.0.0.1 by a name with these addresses."""

    def run(*addresses: str, host: str = "localhost", **options: Any) -> CheckResult:
        resolved = Resolved([ip_address(address) for address in addresses], 0.0)
        monkeypatch.setattr(connection, "resolve", lambda *_: resolved)
        with WireServer(tls=server_context) as server:
            data = {
                "server": f"imaps://{host}:{server.port}/",
                "authentication": "none",
                "tls": {"ca_file": str(certificates.ca), "server_name": "localhost"},
            }
            return run_check(CheckDefinition.model_validate(data), **options)

    return run


@pytest.mark.parametrize(
    ("addresses", "dead"),
    [
        (("127.0.0.9", "127.0.0.1"), ["127.0.0.9"]),
        (("127.0.0.9", "127.0.0.8", "127.0.0.1"), ["127.0.0.9", "127.0.0.8"]),
        (("127.0.0.1", "127.0.0.9"), []),
        (("127.0.0.1",), []),
        (("2001:db8::1", "127.0.0.1"), []),
    ],
)
def test_dead_address_beside_a_working_one_is_told(check: Any, addresses: tuple[str, ...], dead: list[str]) -> None:
    """Which, and what is wrong with it; IPv6 that is out of reach from here is our network's matter."""
    result = check(*addresses)
    assert result.available, result.failure
    warnings = [warning for warning in result.warnings if warning.type == "address_unreachable"]
    assert len(warnings) == bool(dead)
    assert all(f"{address}: connection refused" in warnings[0].detail for address in dead)
    assert result.server.address == "127.0.0.1"


def test_no_address_that_works_is_a_failure_and_no_warning(check: Any) -> None:
    """As before."""
    result = check("127.0.0.9", "127.0.0.8")
    assert result.failure is not None
    assert result.failure.type == "connection_refused"
    assert result.warnings == ()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "0.0.0.0", "::", "169.254.1.1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_name_that_means_this_machine_is_the_networks_word(check: Any, address: str) -> None:
    """A mistake in the zone, a sinkhole: in Lambda no connection, and a failure as any other."""
    result = check(address, host="mail.example.com", refuse_local_addresses=True)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("dns", "name_not_resolved")
    assert str(ip_address(address)) in result.failure.detail
    assert result.server.address is None


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "mail.localhost"])
def test_address_in_the_definition_is_the_definitions_fault(check: Any, host: str) -> None:
    """A literal one, and the names that are one (RFC 6761)."""
    with pytest.raises(DefinitionError, match="must not reach"):
        check("127.0.0.1", host=host, refuse_local_addresses=True)


def test_one_local_address_of_several_is_left_out(check: Any) -> None:
    """The others are tried."""
    assert is_local(ip_address("64:ff9b::7f00:1"))
    assert not is_local(ip_address("64:ff9b::c000:201"))
    result = check("127.0.0.1", "192.0.2.1", host="mail.example.com", refuse_local_addresses=True, deadline=0.0)
    assert result.failure is not None
    assert result.failure.step == "connect"
