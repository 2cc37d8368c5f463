"""From the host's name to a connection that can be logged in to, and LOGOUT at its end."""

from ipaddress import ip_address

from imapcheck.check.state import Attempt
from imapcheck.definition.asked import why_skipped
from imapcheck.errors import CheckFailure, DefinitionError
from imapcheck.failures import FailureType
from imapcheck.imap.session import ImapSession
from imapcheck.network.certificate import CertificateRefused, facts_of
from imapcheck.network.resolver import Address, is_local, is_local_name, resolve
from imapcheck.network.transport import UnreachableAddresses, Wire
from imapcheck.network.transport import connect as tcp_connect
from imapcheck.steps import StepName
from imapcheck.trace import Deadline

_SHOWN_ADDRESSES = 5


def dns(attempt: Attempt) -> None:
    """Resolve the host; an address is taken as it is."""
    definition, learnt = attempt.asked.definition, attempt.learnt
    host = definition.host
    if (reason := why_skipped(definition, "dns")) is not None:
        attempt.tracer.skip("dns", reason)
        learnt.addresses = [ip_address(host)]
    else:
        with attempt.tracer.step("dns") as step:
            resolved = resolve(host, attempt.deadline)
            step.leave_out(resolved.overhead)
            learnt.addresses = resolved.addresses
    learnt.addresses = without_local(attempt, learnt.addresses, "server", host, "dns")


def without_local(attempt: Attempt, resolved: list[Address], field: str, host: str, step: StepName) -> list[Address]:
    """`resolved`, but for this machine's own where a check inside Lambda must not reach it.

    A literal address is the definition's word (`DefinitionError`), a name's meaning the network's.
    """
    if not attempt.asked.refuse_local_addresses:
        return resolved
    others = [one for one in resolved if not is_local(one)]
    if others:
        return others
    if is_local_name(host):
        raise DefinitionError(
            f"{attempt.asked.definition.label}: {field}: {host} is a loopback, link-local or unspecified address,"
            " which a check inside Lambda must not reach"
        )
    with attempt.tracer.step(step):
        addresses = ", ".join(map(str, resolved[:_SHOWN_ADDRESSES]))
        raise CheckFailure(
            FailureType.NAME_NOT_RESOLVED,
            f"{host}: the name means {addresses}, which is loopback, link-local or unspecified: no server's address",
        )


def connect(attempt: Attempt) -> None:
    """TCP to the first address that answers."""
    learnt = attempt.learnt
    with attempt.tracer.step("connect") as step:
        try:
            connected = tcp_connect(learnt.addresses, attempt.asked.definition.port, attempt.deadline)
        except UnreachableAddresses as failure:
            learnt.unreachable = failure.addresses
            raise
        if connected.unreachable:
            step.note("no connection to " + ", ".join(map(str, connected.unreachable)))
    learnt.address, learnt.unreachable, learnt.dead = connected.address, connected.unreachable, connected.dead
    wire = Wire(connected.socket, attempt.deadline, attempt.tracer.moved)
    attempt.opened = ImapSession(wire, attempt.redactor, attempt.transcript)


def tls(attempt: Attempt) -> None:
    """The TLS handshake, at once or after STARTTLS; then, after STARTTLS, CAPABILITY again."""
    definition = attempt.asked.definition
    assert attempt.asked.context is not None
    implicit = definition.tls_mode == "implicit"
    server_name = definition.tls.server_name or definition.host
    with attempt.tracer.step("tls"):
        try:
            secured = attempt.session.start_tls(attempt.asked.context, server_name, implicit=implicit)
        except CertificateRefused as refused:
            attempt.learnt.tls = refused.facts
            raise
    attempt.learnt.tls = facts_of(secured, verified=definition.tls.verify)
    if not implicit:
        capability(attempt)


def greeting(attempt: Attempt) -> None:
    """Wait for the server's first line."""
    with attempt.tracer.step("greeting"):
        try:
            attempt.session.greeting()
        except CheckFailure as failure:
            if failure.type is FailureType.TIMEOUT and attempt.asked.definition.tls_mode != "implicit":
                hint = "; a port that expects TLS from the start is silent too: try imaps://"
                raise CheckFailure(failure.type, failure.detail + hint) from failure
            raise


def capability(attempt: Attempt) -> None:
    """Ask what the server offers."""
    with attempt.tracer.step("capability"):
        attempt.session.capability()


def starttls(attempt: Attempt) -> None:
    """Ask for TLS on the clear connection; the definition requires it."""
    with attempt.tracer.step("starttls"):
        if attempt.session.preauthenticated:
            raise CheckFailure(
                FailureType.STARTTLS_UNAVAILABLE, "the server greeted with PREAUTH: STARTTLS is no longer possible"
            )
        if not attempt.session.offers("STARTTLS"):
            raise CheckFailure(FailureType.STARTTLS_UNAVAILABLE, "the server does not offer STARTTLS")
        attempt.session.starttls()


def logout(attempt: Attempt, deadline: Deadline) -> None:
    """LOGOUT; never makes the server unavailable."""
    session = attempt.session
    with attempt.tracer.step("logout") as step:
        session.wire.deadline = deadline
        problem = session.logout()
        if problem is not None:
            step.refuse(problem)
