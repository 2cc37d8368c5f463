"""SCRAM against servers of ours: the login counts only where the server proves that it knows the password too."""

import base64
import functools
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Define
from imapcheck import CheckResult, Credentials, run_check
from imapcheck.errors import CredentialsError
from imapcheck.login.mechanisms import CramMd5
from support.wire_server import Action, Connection, Dialect, Exchange, Session, WireServer, reply

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
SALT = b"pepper and salt"
type Twist = Callable[[str, str], str]


def honest(kind: str, message: str) -> str:
    """What a server says as it is: `kind` is `first` or `final`."""
    return message


@functools.cache
def salted_password(algorithm: str, password: str, iterations: int) -> bytes:
    """What the server has stored, in effect: it computes nothing during a login."""
    return hashlib.pbkdf2_hmac(algorithm, password.encode(), SALT, iterations)


class ScramSession(Session):
    """The server's side of RFC 5802, written down from its section 3; `twist` may change what it says."""

    def _sasl_scram_sha_1(self, exchange: Exchange, initial: bytes | None) -> bool:
        return self._scram(initial, "sha1")

    def _sasl_scram_sha_256(self, exchange: Exchange, initial: bytes | None) -> bool:
        return self._scram(initial, "sha256")

    def _scram(self, initial: bytes | None, algorithm: str) -> bool:
        server = self.server
        assert isinstance(server, ScramServer)
        opening = (self._ask() if initial is None else base64.b64decode(initial)).decode()
        assert opening.startswith("n,,")
        client_first = opening[3:]
        attributes = dict(part.split("=", 1) for part in client_first.split(","))
        first = f"r={attributes['r']}server,s={base64.b64encode(SALT).decode()},i={server.iterations}"
        said = server.twist("first", first)
        client_final = self._ask(said.encode()).decode()
        without_proof, _, proof = client_final.rpartition(",p=")
        signed = f"{client_first},{said},{without_proof}".encode()

        def mac(key: bytes, text: bytes) -> bytes:
            return hmac.new(key, text, algorithm).digest()

        salted = salted_password(algorithm, self.dialect.password, server.iterations)
        client_key = mac(salted, b"Client Key")
        signature = mac(hashlib.new(algorithm, client_key).digest(), signed)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        user = attributes["n"].replace("=2C", ",").replace("=3D", "=")
        right = user == self.dialect.username and base64.b64decode(proof) == expected
        if not right and server.says_why:
            self._ask(b"e=invalid-proof")
        if right and server.proves:
            verifier = base64.b64encode(mac(mac(salted, b"Server Key"), signed)).decode()
            self._ask(server.twist("final", f"v={verifier}").encode())
        return right or not server.proves


class ScramServer(WireServer):
    """`proves` is False for a server that lets everybody in without a signature."""

    def __init__(
        self, *args: Any, twist: Twist = honest, proves: bool = True, says_why: bool = False,
        iterations: int = 4096, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **options)
        self.iterations = iterations
        self.twist, self.proves, self.says_why = twist, proves, says_why

    def session(self, connection: Connection) -> Session:
        return ScramSession(self, connection)


@pytest.fixture
def log_in(define: Define, server_context: Any) -> Callable[..., tuple[CheckResult, ScramServer]]:
    """Run a check as `alice` unless told otherwise; returns its result and the server."""

    def run(
        mechanism: str = "SCRAM-SHA-256",
        username: str = "alice",
        password: str = "canary-pa55word",
        dialect: Dialect | None = None,
        **options: Any,
    ) -> tuple[CheckResult, ScramServer]:
        dialect = dialect or Dialect(username=username, password=password)
        with ScramServer(dialect, tls=server_context, **options) as server:
            definition = define(server, authentication=mechanism.lower())
            secret = Credentials.model_validate({"username": username, "password": password})
            return run_check(definition, secret), server

    return run


@pytest.mark.parametrize("mechanism", HASHES)
@pytest.mark.parametrize("capabilities", ["IMAP4rev1 SASL-IR", "IMAP4rev1"])
@pytest.mark.parametrize(
    ("username", "password"), [("alice", "canary-pa55word"), ("a,b=c", "p,w=n"), ("üser", "pässwörd"), ("x y", "a b")]
)
def test_server_that_proves_itself_lets_in(
    log_in: Callable[..., Any], mechanism: str, capabilities: str, username: str, password: str
) -> None:
    """With an initial response and without; commas, equals signs and characters outside ASCII."""
    dialect = Dialect(capabilities=f"{capabilities} AUTH={mechanism}", username=username, password=password)
    result, _ = log_in(mechanism, username, password, dialect)
    assert result.available, (result.failure, result.transcript)
    assert password not in "\n".join(result.transcript)


@pytest.mark.parametrize("says_why", [False, True])
def test_wrong_password_is_authentication_failed(log_in: Callable[..., Any], says_why: bool) -> None:
    """In the server's words, whether or not it explains itself by `e=` first."""
    result, server = log_in(dialect=Dialect(password="another one"), says_why=says_why)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert result.failure.response_code == "AUTHENTICATIONFAILED"
    assert ("invalid-proof" in result.failure.detail) is says_why
    assert "could not prove" not in result.failure.detail
    assert server.commands[-1] == "LOGOUT"


@pytest.mark.parametrize(
    "final",
    [
        "v=" + base64.b64encode(b"x" * 32).decode(),
        "v=",
        "v=not base64!",
        "",
        "hello",
        "v=\u00e9\u00e9",
        "v=AAAA,v=AAAA",
    ],
)
def test_forged_signature_is_told_and_the_exchange_is_cancelled(log_in: Callable[..., Any], final: str) -> None:
    """A server that does not know the password may not be the server it says it is."""
    result, server = log_in(twist=lambda kind, message: final if kind == "final" else message)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert "could not prove" in result.failure.detail
    assert b"\r\n*\r\n" in server.raw


def test_success_without_any_signature_is_no_login(log_in: Callable[..., Any]) -> None:
    """The tagged OK alone proves nothing."""
    result, _ = log_in(proves=False)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert "could not prove" in result.failure.detail


def test_error_and_then_success_is_no_login(log_in: Callable[..., Any]) -> None:
    """`e=` where the signature belongs, and OK all the same."""
    result, _ = log_in(twist=lambda kind, message: "e=other-error" if kind == "final" else message)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "authentication_failed")
    assert "could not prove" in result.failure.detail


@pytest.mark.parametrize(("username", "password"), [("a\x07b", "pw"), ("alice", "p\x07w"), ("alice", "\u0627a")])
def test_what_saslprep_forbids_is_a_credentials_error(log_in: Callable[..., Any], username: str, password: str) -> None:
    """A name or password that SCRAM cannot carry is no outage; the text holds neither."""
    with pytest.raises(CredentialsError, match="cannot carry it") as caught:
        log_in(username=username, password=password)
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda first: first.replace("i=4096", "i=0"),
        lambda first: first.replace("i=4096", "i=04096"),
        lambda first: first.replace("i=4096", "i=-1"),
        lambda first: first.replace("i=4096", "i="),
        lambda first: first.replace("i=4096", "i=4096 "),
        lambda first: first.replace("i=4096", "i=\u0661"),
        lambda first: first.replace("i=4096", "i=\u00b2"),
        lambda first: first.replace("i=4096", "i=4096\u00b2"),
        lambda first: first.replace("i=4096", "i=\u2460"),
        lambda first: first.replace("i=4096", "i=4\u00b296"),
        lambda first: first.replace("i=4096", "i=" + "9" * 5000),
        lambda first: first.replace(",i=4096", ""),
        lambda first: "r=somebody-elses" + first[first.index(",s=") :],
        lambda first: first.replace("s=", "s=!!!"),
        lambda first: "m=must-know," + first,
        lambda first: first + ",i=1",
        lambda first: "",
        lambda first: "garbage",
        lambda first: ",,,=,=",
        lambda first: "\x00" * 10,
    ],
)
def test_hostile_challenge_is_refused_at_once(log_in: Callable[..., Any], change: Callable[[str], str]) -> None:
    """Another's nonce, nonsense, digits that are none: no exception, no proof sent, no word about the password."""
    started = time.monotonic()
    result, server = log_in(twist=lambda kind, message: change(message) if kind == "first" else message)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "protocol_error")
    assert "SCRAM-SHA-256 challenge that cannot be used" in result.failure.detail
    assert time.monotonic() - started < 20
    assert b"\r\n*\r\n" in server.raw
    assert server.commands[-1] == "LOGOUT"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda first: first.replace("i=4096", "i=2048"), "2048 iterations"),
        (lambda first: first.replace("i=4096", "i=1"), "1 iterations"),
        (lambda first: first.replace("i=4096", "i=1000001"), "1000001 iterations"),
        (lambda first: first.replace("i=4096", "i=999999999999"), "999999999999 iterations"),
        (lambda first: first.replace(base64.b64encode(SALT).decode(), "AAAA"), "a salt of 3 bytes"),
        (lambda first: first.replace(base64.b64encode(SALT).decode(), "AAAAAAAAAAA="), "a salt of 8 bytes"),
    ],
)
def test_parameters_that_are_not_taken_are_named(
    log_in: Callable[..., Any], change: Callable[[str], str], words: str
) -> None:
    """Too weak, or a cost that would outlast the deadline: the password is not to blame, so no login is paused."""
    result, server = log_in(twist=lambda kind, message: change(message) if kind == "first" else message)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("authenticate", "mechanism_not_offered")
    assert words in result.failure.detail
    assert "prove" not in result.failure.detail
    assert b"\r\n*\r\n" in server.raw


def test_reason_instead_of_parameters_waits_for_the_tagged_answer(log_in: Callable[..., Any]) -> None:
    """`e=` in place of the first message (RFC 5802 section 7): the reason is shown, and OK after it proves nothing."""
    result, _ = log_in(twist=lambda kind, message: "e=unknown-user" if kind == "first" else message)
    assert result.failure is not None
    assert result.failure.step == "authenticate"


def test_whatever_a_mechanism_raises_is_a_failure_of_the_exchange(
    define: Define, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One net around all mechanisms: a server's octets never end a run with an exception of a library."""

    def challenges(exchange: Exchange) -> None:
        exchange.send(b"+ Y2hhbGxlbmdl\r\n")
        assert exchange.connection.line() == b"*"
        exchange.send(exchange.tag + b" BAD cancelled\r\n")

    actions: dict[str, Action] = {"respond": challenges, "finish": reply(b"%t OK in")}
    for method, action in actions.items():
        for error in (ValueError("x"), KeyError("x"), OverflowError(), RecursionError(), AttributeError("x")):

            def raises(*_: object, error: Exception = error) -> bytes:
                raise error

            with monkeypatch.context() as patched, WireServer(script={"AUTHENTICATE": action}) as server:
                patched.setattr(CramMd5, method, raises)
                result = run_check(define(server, authentication="cram-md5"), credentials)
            assert result.failure is not None
            assert (result.failure.step, result.failure.type) == ("authenticate", "protocol_error")
            assert type(error).__name__ in result.failure.detail


def test_our_own_hashing_is_not_the_servers_time(log_in: Callable[..., Any]) -> None:
    """So many iterations take longer than all the rest of the login (compared within one run)."""
    iterations = 500_000
    started = time.perf_counter()
    salted_password("sha256", "canary-pa55word", iterations)
    hashing = (time.perf_counter() - started) * 1000
    result, _ = log_in(iterations=iterations)
    assert result.available, result.failure
    step = result.step("authenticate")
    assert step is not None
    assert step.duration_ms is not None
    assert step.duration_ms < hashing / 2
