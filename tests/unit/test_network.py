"""Names and addresses without a network: a resolver that says what we want, servers on loopback addresses."""

import contextlib
import errno
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from conftest import Define
from imapcheck import CheckDefinition, CheckResult, Credentials, run_check
from imapcheck.errors import CheckFailure, CredentialsError, OutOfResources
from imapcheck.failures import FailureType
from imapcheck.login.oauth import access_token
from imapcheck.network import transport
from imapcheck.network.resolver import is_local, resolve
from imapcheck.network.tls import client_context
from imapcheck.trace import Deadline
from support.certificates import Certificates
from support.wire_server import WireServer

PUBLIC = "203.0.113.9"

type Answer = list[str] | OSError


class Resolver:
    """What `getaddrinfo` says, one answer a question; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []

    def getaddrinfo(self, host: Any, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host.decode())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 0))
            for text in answer
        ]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Every name is answered by it; addresses it knows need no network."""
    fake = Resolver()
    monkeypatch.setattr("imapcheck.network.resolver.socket.getaddrinfo", fake.getaddrinfo)
    return fake


@contextlib.contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """An address that answers no connection attempt: its queue of connections is full."""
    with socket.create_server((host, port), backlog=0), contextlib.ExitStack() as held:
        for _ in range(3):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield


class Dialled(socket.socket):
    """A socket that connects nowhere: it notes the address and fails with `error`."""

    seen: list[str]
    error: OSError

    def connect(self, address: Any) -> None:
        self.seen.append(address[0])
        raise self.error


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> type[Dialled]:
    """No connection attempt leaves this process."""

    class Fake(Dialled):
        seen: list[str] = []  # noqa: RUF012 - one list for the test
        error = ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr("imapcheck.network.transport.socket.socket", Fake)
    return Fake


@pytest.fixture
def check(certificates: Certificates) -> Callable[..., CheckResult]:
    """Look at a server by name, without a login."""

    def run(server: WireServer, *, timeout: float = 3) -> CheckResult:
        data = {
            "server": f"imaps://localhost:{server.port}/", "authentication": "none", "timeout": timeout,
            "tls": {"ca_file": str(certificates.ca)},
        }  # fmt: skip
        return run_check(CheckDefinition.model_validate(data))

    return run


def test_first_address_dead_and_the_second_alive(
    resolver: Resolver, check: Callable[..., CheckResult], server_context: Any
) -> None:
    """The dead one costs its share of the time; it is named in the step and in the result."""
    resolver.answers = [["127.0.0.2", "127.0.0.1"]]
    with WireServer(tls=server_context) as server, silent("127.0.0.2", server.port):
        result = check(server)
    assert result.available, result.failure
    connect = result.step("connect")
    assert connect is not None
    assert (connect.status, connect.detail) == ("passed", "no connection to 127.0.0.2")
    assert (result.server.address, result.server.unreachable_addresses) == ("127.0.0.1", ("127.0.0.2",))


def test_addresses_that_are_all_dead_end_in_time(
    resolver: Resolver, check: Callable[..., CheckResult], server_context: Any
) -> None:
    """A time-out that names each of them."""
    resolver.answers = [["127.0.0.2", "127.0.0.3"]]
    with (
        WireServer(tls=server_context) as server,
        silent("127.0.0.2", server.port),
        silent("127.0.0.3", server.port),
    ):
        result = check(server, timeout=1)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("connect", FailureType.TIMEOUT)
    silence = "no answer to the connection attempt"
    assert result.failure.detail == f"127.0.0.2: {silence}; 127.0.0.3: {silence}"
    assert result.server.unreachable_addresses == ("127.0.0.2", "127.0.0.3")


@pytest.mark.parametrize(
    ("count", "left", "budgets"),
    [(1, 30, [30]), (2, 30, [5, 5]), (3, 30, [5, 5, 5]), (3, 6, [2, 3, 6]), (2, 4, [2, 4]), (4, 0, [0, 0, 0, 0])],
)
def test_budget_of_each_address(monkeypatch: pytest.MonkeyPatch, count: int, left: float, budgets: list[float]) -> None:
    """What is left divided by the addresses left, 5 s at most; a lone address gets everything."""
    given: list[float] = []

    def refuse(address: Any, port: int, seconds: float) -> socket.socket:
        given.append(seconds)
        raise CheckFailure(FailureType.CONNECTION_REFUSED, "refused")

    monkeypatch.setattr(transport, "_connect_one", refuse)
    addresses = [ip_address(f"192.0.2.{number}") for number in range(1, count + 1)]
    with pytest.raises(transport.UnreachableAddresses):
        transport.connect(addresses, 993, Deadline.after(left))
    assert given == pytest.approx([min(budget, 5) if count > 1 else budget for budget in budgets], abs=0.5)


NO_ROUTE = "ff02::1"
"""Nobody connects to a multicast address: the kernel refuses by itself."""


@pytest.mark.parametrize("addresses", [[NO_ROUTE, "127.0.0.1"], ["127.0.0.1", NO_ROUTE]])
def test_a_refusal_says_more_than_a_missing_route(
    resolver: Resolver, check: Callable[..., CheckResult], server_context: Any, addresses: list[str]
) -> None:
    """In either order; both addresses are told, and what IPv6 lacks."""
    resolver.answers = [addresses]
    with WireServer(tls=server_context) as server:
        pass
    result = check(server)
    assert result.failure is not None
    assert result.failure.type == FailureType.CONNECTION_REFUSED
    assert "127.0.0.1: connection refused" in result.failure.detail
    assert "(no IPv6 route from here; Lambda has one only in a dual-stack VPC)" in result.failure.detail
    assert result.server.unreachable_addresses == tuple(addresses)
    assert result.server.address is None


def test_no_route_at_all(resolver: Resolver, check: Callable[..., CheckResult], server_context: Any) -> None:
    """Then that is the verdict."""
    resolver.answers = [[NO_ROUTE]]
    with WireServer(tls=server_context) as server:
        result = check(server)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("connect", FailureType.NETWORK_UNREACHABLE)


@pytest.mark.parametrize(
    ("number", "type"),
    [
        *((number, FailureType.NETWORK_UNREACHABLE) for number in (
            errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL,
            errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM, errno.EINVAL,
        )),
        (errno.ECONNREFUSED, FailureType.CONNECTION_REFUSED),
        (errno.ETIMEDOUT, FailureType.TIMEOUT),
        (errno.ECONNRESET, FailureType.CONNECTION_LOST),
    ],
)  # fmt: skip
def test_errors_of_a_connection_attempt(dialled: type[Dialled], number: int, type: FailureType) -> None:
    """Each error number is told as what it is, in the system's words."""
    dialled.error = OSError(number, "The System's Words")
    with pytest.raises(transport.UnreachableAddresses) as raised:
        transport.connect([ip_address(PUBLIC)], 993, Deadline.after(5))
    assert raised.value.type == type
    assert raised.value.addresses == (ip_address(PUBLIC),)
    if type in (FailureType.NETWORK_UNREACHABLE, FailureType.CONNECTION_LOST):
        assert raised.value.detail == f"{PUBLIC}: the system's words"


def test_only_public_addresses_are_dialled_inside_lambda(
    resolver: Resolver, dialled: type[Dialled], define: Define, server_context: Any
) -> None:
    """A name with a local address beside its public one must not reach the runtime API."""
    resolver.answers = [["127.0.0.1", PUBLIC, "169.254.169.254", "::1"]]
    definition = define(WireServerAt(server_context), authentication="none")
    result = run_check(definition, refuse_local_addresses=True)
    assert result.failure is not None
    assert dialled.seen == [PUBLIC]
    assert result.server.unreachable_addresses == (PUBLIC,)


def test_token_endpoint_is_dialled_at_public_addresses_alone(resolver: Resolver, dialled: type[Dialled]) -> None:
    """The client secret goes to no local address either."""
    secret = {
        "username": "a", "token_url": "https://login.example/token", "client_id": "c", "client_secret": "hunter22"
    }  # fmt: skip
    credentials = Credentials.model_validate(secret)
    resolver.answers = [["127.0.0.1", PUBLIC]]
    with pytest.raises(CredentialsError, match="connection_refused"):
        access_token(credentials, Deadline.after(5), refuse_local_addresses=True)
    assert dialled.seen == [PUBLIC]
    resolver.answers = [["127.0.0.1"]]
    with pytest.raises(CredentialsError, match="loopback, link-local or unspecified"):
        access_token(credentials, Deadline.after(5), refuse_local_addresses=True)
    assert dialled.seen == [PUBLIC]


class WireServerAt:
    """Where a definition says that a server is; nothing listens there."""

    host, port, starttls = "127.0.0.1", 993, None

    def __init__(self, tls: Any) -> None:
        self.tls = tls


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("0.0.0.0", True),
        ("169.254.169.254", True),
        ("::1", True),
        ("::", True),
        ("fe80::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        (PUBLIC, False),
        ("::ffff:203.0.113.9", False),
        ("2001:db8::1", False),
    ],
)
def test_which_addresses_are_local(text: str, local: bool) -> None:
    """Those of the machine and its link; a private network is somebody's mail server."""
    assert is_local(ip_address(text)) is local


def test_an_answer_that_changes_between_two_runs_is_noticed(
    resolver: Resolver, check: Callable[..., CheckResult], server_context: Any
) -> None:
    """A process that lives for hours asks anew each time: the name moves, goes, and comes back."""
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    resolver.answers = [["127.0.0.1"], ["127.0.0.2"], gone, ["127.0.0.1"]]
    with WireServer(tls=server_context) as server:
        results = [check(server) for _ in range(4)]
    assert [result.failure and result.failure.type.value for result in results] == [
        None, "connection_refused", "name_not_resolved", None,
    ]  # fmt: skip
    assert resolver.asked == ["localhost"] * 4


def test_a_second_question_joins_the_one_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead resolver costs one thread a name; whoever waits gets the same answer."""
    asked, go = [], threading.Event()

    def slow(host: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        go.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))]

    monkeypatch.setattr("imapcheck.network.resolver.socket.getaddrinfo", slow)
    for _ in range(2):
        with pytest.raises(CheckFailure, match="did not answer in time"):
            resolve("slow.example", Deadline.after(0.05))
    assert len(asked) == 1
    go.set()
    assert resolve("slow.example", Deadline.after(10)).addresses == [ip_address(PUBLIC)]


@pytest.mark.parametrize(
    ("answer", "type", "words"),
    [
        ([], FailureType.NAME_NOT_RESOLVED, "the name has no address"),
        (socket.gaierror(socket.EAI_NONAME, "no name"), FailureType.NAME_NOT_RESOLVED, "no such name (no name)"),
        (socket.gaierror(-5, "no data"), FailureType.NAME_NOT_RESOLVED, "no such name (no data)"),  # EAI_NODATA
        (socket.gaierror(-9, "no family"), FailureType.NAME_NOT_RESOLVED, "no such name (no family)"),
        (socket.gaierror(socket.EAI_AGAIN, "again"), FailureType.RESOLVER_FAILED, "the resolver failed (again)"),
        (socket.gaierror(socket.EAI_FAIL, "broken"), FailureType.RESOLVER_FAILED, "the resolver failed (broken)"),
        (OSError(errno.EIO, "broken disk"), FailureType.RESOLVER_FAILED, "the resolver failed (broken disk)"),
    ],
)
def test_what_the_resolver_says(resolver: Resolver, answer: Answer, type: FailureType, words: str) -> None:
    """A name that is not there is the name's fault; a resolver that cannot say is not."""
    resolver.answers = [answer]
    with pytest.raises(CheckFailure) as raised:
        resolve("mail.example", Deadline.after(5))
    assert (raised.value.type, raised.value.detail) == (type, f"mail.example: {words}")


@pytest.mark.parametrize("waiting", [1, 3])
def test_an_error_that_an_earlier_run_asked_for_decides_no_later_run(
    monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    """A look-up that outlived its run may fail only now, when the resolver is well again: it is asked once more."""
    asked, go, results = [], threading.Event(), list[Any]()

    def recovering(host: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        if len(asked) == 1:
            go.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "again")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 0))]

    monkeypatch.setattr("imapcheck.network.resolver.socket.getaddrinfo", recovering)
    with pytest.raises(CheckFailure, match="did not answer in time"):
        resolve("late.example", Deadline.after(0.05))

    def later() -> None:
        results.append(resolve("late.example", Deadline.after(10)).addresses)

    threads = [threading.Thread(target=later) for _ in range(waiting)]
    for thread in threads:
        thread.start()
    threading.Timer(0.1, go.set).start()
    for thread in threads:
        thread.join(10)
    assert results == [[ip_address(PUBLIC)]] * waiting
    assert len(asked) >= 2


def test_the_error_of_a_look_up_of_its_own_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead resolver is asked once more, not for ever."""
    asked, go = [], threading.Event()

    def dead(host: Any, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        go.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr("imapcheck.network.resolver.socket.getaddrinfo", dead)
    with pytest.raises(CheckFailure, match="did not answer in time"):
        resolve("dead.example", Deadline.after(0.05))
    threading.Timer(0.1, go.set).start()
    with pytest.raises(CheckFailure, match="the resolver failed"):
        resolve("dead.example", Deadline.after(10))
    assert len(asked) == 2


def test_a_thread_that_does_not_start_is_ours_and_leaves_nothing_behind(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run of the name asks anew."""
    resolver.answers = [[PUBLIC]]

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OutOfResources, match="can't start new thread"):
            resolve("threads.example", Deadline.after(5))
    assert resolve("threads.example", Deadline.after(5)).addresses == [ip_address(PUBLIC)]


@contextlib.contextmanager
def no_file_descriptor_left() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open("rb") as highest:
        filled = [os.dup(highest.fileno()) for _ in range(64)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(filled), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for number in filled:
                os.close(number)


@pytest.mark.parametrize("server", ["imaps://127.0.0.1:1/", "imaps://localhost:1/"])
def test_no_file_descriptor_left_is_an_error_of_the_monitor(server: str) -> None:
    """Our own shortage is no outage of the server, whether it shows at the look-up or at the connection."""
    definition = CheckDefinition.model_validate({"server": server, "authentication": "none", "timeout": 5})
    outcome = run_check(definition)
    assert outcome.failure is not None
    assert outcome.failure.type is FailureType.CONNECTION_REFUSED
    with no_file_descriptor_left(), pytest.raises(OutOfResources, match="too many open files"):
        run_check(definition)


def test_no_file_descriptor_left_for_the_authorities(certificates: Certificates) -> None:
    """A file of authorities that cannot be opened for our own reasons is not called wrong."""
    copy = certificates.ca.with_name("exhausted.pem")
    copy.write_bytes(certificates.ca.read_bytes())
    with no_file_descriptor_left(), pytest.raises(OutOfResources, match="too many open files"):
        client_context(verify=True, minimum_version="1.2", ca_path=copy)


SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@pytest.mark.parametrize("number", SHORTAGES)
def test_every_shortage_of_ours_is_told_as_ours(resolver: Resolver, dialled: type[Dialled], number: int) -> None:
    """Wherever the system runs out of something: in the resolver, at connect, in the middle of the session."""
    resolver.answers = [OSError(number, os.strerror(number))]
    with pytest.raises(OutOfResources):
        resolve("mail.example", Deadline.after(5))
    dialled.error = OSError(number, os.strerror(number))
    with pytest.raises(OutOfResources):
        transport.connect([ip_address(PUBLIC)], 993, Deadline.after(5))


@pytest.mark.parametrize("number", SHORTAGES)
@pytest.mark.parametrize("method", ["send", "recv"])
def test_a_shortage_in_the_middle_of_the_session_is_ours(number: int, method: str) -> None:
    """What the kernel has no memory for, the server did not break."""

    class Short(socket.socket):
        def send(self, *_: Any) -> int:
            raise OSError(number, os.strerror(number))

        def recv(self, *_: Any) -> bytes:
            raise OSError(number, os.strerror(number))

    with Short() as sock:
        wire = transport.Wire(sock, Deadline.after(5))
        with pytest.raises(OutOfResources):
            wire.send(b"x") if method == "send" else wire.read_line(100)


READERS: dict[str, Callable[[transport.Wire], object]] = {
    "read_line": lambda wire: wire.read_line(100),
    "read_piece": lambda wire: wire.read_piece(4),
    "read_exactly": lambda wire: wire.read_exactly(4),
    "receive": lambda wire: wire.receive(4),
    "discard": lambda wire: wire.discard(4),
    "read_line in two": lambda wire: (wire.has_line(100), wire.read_line(100)),
}


@pytest.mark.parametrize("reader", READERS)
def test_empty_line_after_whatever_was_read(reader: str) -> None:
    """Where a line was looked for before does not matter to what is read next."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = transport.Wire(ours, Deadline.after(5))
        theirs.sendall(b"abc\n\nd")
        READERS[reader](wire)
        assert wire.read_line(100) == b"\n"
        assert (wire.has_line(1), wire.peek(), wire.unread()) == (False, b"d", 1)
        theirs.sendall(b"\n")
        assert (wire.has_line(2), wire.read_line(2)) == (True, b"d\n")


def test_addresses_come_in_the_resolvers_order_without_doubles(resolver: Resolver) -> None:
    """RFC 6724 is the system's business."""
    resolver.answers = [["2001:db8::1", PUBLIC, "2001:db8::1", "192.0.2.1"]]
    found = resolve("mail.example", Deadline.after(5))
    assert [str(address) for address in found.addresses] == ["2001:db8::1", PUBLIC, "192.0.2.1"]
    assert found.overhead >= 0


def test_ipv6_first(resolver: Resolver, check: Callable[..., CheckResult], server_context: Any) -> None:
    """Where the resolver puts it first it is tried first, and the result says so."""
    resolver.answers = [["::1", "127.0.0.1"]]
    with WireServer(tls=server_context, host="::1") as server:
        result = check(server)
    assert result.available, result.failure
    assert (result.server.address, result.server.unreachable_addresses) == ("::1", ())


def test_small_packets_go_out_at_once() -> None:
    """Without TCP_NODELAY each literal and each login waits for the peer's delayed acknowledgement."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connected = transport.connect([ip_address("127.0.0.1")], listener.getsockname()[1], Deadline.after(5))
        with connected.socket as sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
