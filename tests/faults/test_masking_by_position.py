"""What a login sends, and what may echo it, is masked where it stands: here no value is long enough to be known."""

import base64
import hmac
from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from imapcheck.transcript import MASK
from support.wire_server import Action, Dialect, Exchange, WireServer, raw, reply

SHORT = "Xq7"
"""Three octets: by value it would eat the text, so it is masked by position alone."""


@pytest.fixture
def short() -> Credentials:
    return Credentials.model_validate({"username": "bob", "password": SHORT})


def run(define: Define, server: WireServer, credentials: Credentials, **fields: Any) -> tuple[str, str]:
    """(transcript, every word of the result)."""
    result = run_check(define(server, timeout=1, **fields), credentials)
    return "\n".join(result.transcript), str(result.to_dict())


def asks_with_the_secret(exchange: Exchange) -> None:
    """A challenge that repeats what was sent, in clear and in base64, then a line that is no response."""
    exchange.send(b"+ " + SHORT.encode() + b"\r\n")
    exchange.connection.line()
    exchange.send(b"+ " + base64.b64encode(b"you said Xq7") + b"\r\n")
    exchange.connection.line()
    exchange.send(b"no response but Xq7\r\n")
    exchange.connection.wait_until_gone(exchange.server.stopping)


@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_challenges_and_unreadable_lines_of_a_login_are_masked(
    define: Define, short: Credentials, server_context: Any, authentication: str
) -> None:
    """And each answer to a challenge."""
    with WireServer(script={"AUTHENTICATE": asks_with_the_secret}, tls=server_context) as server:
        transcript, words = run(define, server, short, authentication=authentication)
    assert f"S: + {MASK}" in transcript
    assert SHORT not in words
    assert base64.b64encode(b"you said Xq7").decode() not in words


def test_answers_to_challenges_are_masked(define: Define, short: Credentials, server_context: Any) -> None:
    """Each line of LOGIN's exchange: the name is one too, as anything might be asked for."""
    capabilities = "IMAP4rev1 AUTH=LOGIN"
    dialect = Dialect(capabilities=capabilities, username="bob", password=SHORT)
    with WireServer(dialect, tls=server_context) as server:
        transcript, words = run(define, server, short, authentication="login")
    assert transcript.count(f"C: {MASK}") == 2
    assert base64.b64encode(SHORT.encode()).decode() not in words


@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_user_name_is_masked_where_it_is_sent_and_nowhere_else(
    define: Define, server_context: Any, authentication: str
) -> None:
    """A user named `mail` takes no word out of the server's; the password stays masked wherever it stands."""
    secret = Credentials.model_validate({"username": "mail", "password": "c4nary-pass"})

    def refuse(exchange: Exchange) -> None:
        words = b" NO [AUTHENTICATIONFAILED] mail.example.com knows no c4nary-pass\r\n"
        if authentication == "login":
            for prompt in (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"):
                exchange.send(b"+ " + prompt + b"\r\n")
                exchange.connection.line()
        exchange.send(exchange.tag + words)

    with WireServer(script={"AUTHENTICATE": refuse}, tls=server_context) as server:
        transcript, words = run(define, server, secret, authentication=authentication)
    assert f"mail.example.com knows no {MASK}" in transcript
    assert f"mail.example.com knows no {MASK}" in words
    assert "c4nary-pass" not in words
    assert base64.b64encode(b"mail").decode() not in words


@pytest.mark.parametrize("echo", [b"+ Xq7\r\n", b"what is Xq7\r\n"])
def test_login_command_is_masked_and_so_is_its_echo(
    define: Define, short: Credentials, server_context: Any, echo: bytes
) -> None:
    """The LOGIN command, where no mechanism is offered."""

    def answer(exchange: Exchange) -> None:
        exchange.send(echo)
        exchange.connection.wait_until_gone(exchange.server.stopping)

    with WireServer(Dialect(capabilities="IMAP4rev1"), {"LOGIN": answer}, tls=server_context) as server:
        transcript, words = run(define, server, short, authentication="login")
    assert "C: A0002 LOGIN" in transcript
    assert SHORT not in words
    assert MASK in transcript


def test_password_as_a_literal_is_masked(define: Define, server_context: Any) -> None:
    """One that no quoted string can carry goes as a literal, and shows its mask."""
    secret = Credentials.model_validate({"username": "bob", "password": "é7"})
    dialect = Dialect(capabilities="IMAP4rev1", username="bob", password="é7")
    with WireServer(dialect, tls=server_context) as server:
        transcript, words = run(define, server, secret, authentication="login")
    login = next(line for line in transcript.splitlines() if " LOGIN " in line)
    assert login.endswith(" {...}")  # neither its octets nor how many they are
    assert f"C: {MASK}" in transcript
    assert "é7" not in words


def hide(answer: bytes) -> Action:
    """Repeat the client's last answer within `answer`."""

    def act(exchange: Exchange) -> None:
        exchange.send(b"+ " + base64.b64encode(b"<1@x>") + b"\r\n")
        said = exchange.connection.line()
        exchange.send(answer.replace(b"%t", exchange.tag).replace(b"%s", said).replace(b"%d", base64.b64decode(said)))

    return act


@pytest.mark.parametrize("answer", [b"%t NO you sent %s\r\n", b"%t NO you sent %d\r\n", b"* OK %s\r\n%t NO no\r\n"])
def test_answer_that_was_computed_is_a_secret_from_then_on(
    define: Define, short: Credentials, server_context: Any, answer: bytes
) -> None:
    """A digest is as good as the password for whoever may guess: encoded or decoded, it is shown nowhere."""
    with WireServer(script={"AUTHENTICATE": hide(answer)}, tls=server_context) as server:
        transcript, words = run(define, server, short, authentication="cram-md5")
    assert "you sent" not in words or f"you sent {MASK}" in words
    digest = hmac.new(SHORT.encode(), b"<1@x>", "md5").hexdigest()
    assert digest not in words
    assert base64.b64encode(f"bob {digest}".encode()).decode() not in words
    assert "AUTHENTICATE CRAM-MD5" in transcript


def test_answer_too_short_to_be_known_decoded_is_known_encoded(
    define: Define, short: Credentials, server_context: Any
) -> None:
    """Three octets are four in base64, which a server may repeat."""

    def repeat(exchange: Exchange) -> None:
        for prompt in (b"Username:", b"Password:"):
            exchange.send(b"+ " + base64.b64encode(prompt) + b"\r\n")
            said = exchange.connection.line()
        exchange.send(exchange.tag + b" NO not " + said + b"\r\n")

    with WireServer(script={"AUTHENTICATE": repeat}, tls=server_context) as server:
        _, words = run(define, server, short, authentication="login")
    assert f"NO not {MASK}" in words
    assert base64.b64encode(SHORT.encode()).decode() not in words


@pytest.mark.parametrize(
    "fetched",
    [
        b"* 2 FETCH (UID 4 BODY[] {5}\r\nabcde BODYCANARY\r\n",
        b"* 2 FETCH (UID 4 BODY[] {5}\r\nabcdeBODYCANARY)\r\n",
        b"* 2 FETCH (UID 4 BODY[] {5}\r\nabcde)\r\nBODYCANARY of a message\r\n",
    ],
)
def test_message_behind_a_literal_that_lied_is_not_shown(
    define: Define, short: Credentials, server_context: Any, fetched: bytes
) -> None:
    """What follows is read as lines, and belongs to the message."""

    def answer(exchange: Exchange) -> None:
        exchange.send(fetched)
        exchange.send(exchange.tag + b" OK done\r\n")
        exchange.connection.wait_until_gone(exchange.server.stopping)

    dialect = Dialect(check_password=False)
    with WireServer(dialect, {"UID FETCH": answer}, tls=server_context) as server:
        transcript, words = run(define, server, short, search="x")
    assert "UID FETCH" in transcript
    assert "BODYCANARY" not in words


@pytest.mark.parametrize(
    ("items", "shown"),
    [
        (b'UID 4 BODY[] "abc" RFC822.SIZE 3)', "UID 4 BODY[] {3 octets} RFC822.SIZE 3)"),
        (b"UID 4 BODY[] {3}\r\nabc FLAGS (\\Seen))", "UID 4 BODY[] {3 octets} FLAGS (\\Seen))"),
        (b'UID 4 BODY[] "abc" ENVELOPE (NIL))', "UID 4 BODY[] {3 octets} {15 octets}"),
    ],
)
def test_of_a_fetch_only_known_items_are_shown(
    define: Define, short: Credentials, server_context: Any, items: bytes, shown: str
) -> None:
    """Of all else how many octets they were: they may be the message."""
    script = {"UID FETCH": raw(b"* 2 FETCH (" + items + b"\r\n%t OK done\r\n")}
    with WireServer(Dialect(check_password=False), script, tls=server_context) as server:
        transcript, _ = run(define, server, short, search="x")
    assert f"S: * 2 FETCH ({shown}" in transcript.splitlines()


def test_token_that_was_fetched_is_masked_by_value(define: Define, endpoint: Any, server_context: Any) -> None:
    """A mail server that repeats the access token in clear."""
    secret = Credentials.model_validate(
        {"username": "monitor", "token_url": endpoint.url, "client_id": "the-client",
         "client_secret": "client-canary-secret"}
    )  # fmt: skip

    def repeat(exchange: Exchange) -> None:
        exchange.send(exchange.tag + b" NO I know " + endpoint.issued[-1].encode() + b"\r\n")

    dialect = Dialect(capabilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2")
    with WireServer(dialect, {"AUTHENTICATE": repeat}, tls=server_context) as server:
        _, words = run(define, server, secret, authentication="xoauth2")
    assert f"I know {MASK}" in words
    assert endpoint.issued[-1] not in words


def test_greeting_and_open_commands_stay_readable(define: Define, short: Credentials, server_context: Any) -> None:
    """Masking is for what may hold a secret; the rest is what a person looks for."""
    with WireServer(Dialect(check_password=False), {"EXAMINE": reply(b"%t NO gone fishing")}, tls=server_context) as s:
        transcript, _ = run(define, s, short)
    assert "S: * OK IMAP4 ready" in transcript
    assert f"C: A0002 AUTHENTICATE PLAIN {MASK}" in transcript
    assert "S: A0008 NO gone fishing" in transcript
    with WireServer(Dialect(check_password=False), tls=server_context) as s:
        transcript, _ = run(define, s, short, new_message=NEW_MESSAGE)
    assert "S: + go on" in transcript
