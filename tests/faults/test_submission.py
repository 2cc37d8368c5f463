"""The submission's own room on the wire: what goes out, what comes back, and servers that misbehave."""

import base64
import itertools
import re
import ssl
import time
from collections.abc import Callable

import pytest

from imapcheck.failures import FailureType
from imapcheck.transcript import MASK
from support.certificates import Certificates
from support.smtp_server import SmtpServer, Submission, drip, endless_line, endless_lines, stop_reading
from support.submitting import MESSAGE, submit
from support.wire_server import Action, Exchange, close, hang, raw, reply, reset

COMMANDS = ("GREETING", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE")
MORE_THAN_SOCKETS_HOLD = b"From: a@example.com\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 500_000


def test_whole_submission_in_order() -> None:
    """The commands of RFC 5321, the login of RFC 4954; the message arrives as it was, dots and all."""
    with SmtpServer() as server:
        submitted = submit(server)
    assert submitted.failure is None
    plain = base64.b64encode(b"\0sender\0canary-s3nding").decode()
    transaction = ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"]
    assert server.commands == ["EHLO [127.0.0.1]", f"AUTH PLAIN {plain}", *transaction, "QUIT"]
    assert [envelope.octets for envelope in server.envelopes] == [MESSAGE]
    assert (server.envelopes[0].sender, server.envelopes[0].recipients) == ("a@example.com", ("b@example.com",))
    assert not re.search(rb"[^\r]\n|\r[^\n]", server.raw)
    assert submitted.replies["MESSAGE"].words == "250 2.0.0 Ok: queued as 4XyZ"


def test_transcript_shows_neither_login_nor_message() -> None:
    """By position: a password of three octets, and a body that nobody calls secret."""
    with SmtpServer(Submission(password="Xq7")) as server:
        submitted = submit(server, password="Xq7")
    shown = "\n".join(submitted.transcript)
    assert f"C: AUTH PLAIN {MASK}" in submitted.transcript
    assert f"C: {{{len(MESSAGE)} octets}}" in submitted.transcript
    assert "S: 250 2.0.0 Ok: queued as 4XyZ" in submitted.transcript
    assert "Xq7" not in shown
    assert "canary" not in shown
    assert base64.b64encode(b"\0sender\0Xq7").decode() not in shown


@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5"])
def test_mechanisms_log_in_and_a_wrong_password_is_refused(authentication: str) -> None:
    """With the enhanced status code of RFC 4954 section 6."""
    with SmtpServer() as server:
        assert submit(server, authentication=authentication).replies["MESSAGE"].ok
        refused = submit(server, authentication=authentication, password="wrong-canary").replies["AUTH"]
    assert (refused.code, refused.enhanced, refused.ok) == (535, "5.7.8", False)
    assert len(server.envelopes) == 1


def test_long_token_does_not_go_on_the_command_line() -> None:
    """512 octets are a command's most (RFC 5321 section 4.5.3.1.4); the response may be as long as it is."""
    token = "canary-" + "t" * 2000
    with SmtpServer(Submission(token=token)) as server:
        submitted = submit(server, authentication="xoauth2", token=token)
    assert "AUTH XOAUTH2" in server.commands
    assert submitted.replies["MESSAGE"].ok
    assert "canary-" not in "\n".join(submitted.transcript)


@pytest.mark.parametrize("length", [480, 481, 482, 483, 484, 485, 486, 487, 488])
def test_initial_response_fits_the_command_line_or_waits(length: int) -> None:
    """Around the edge: no command is longer than 512 octets with its line end."""
    password = "p" * (length * 3 // 4 - len("sender") - 2)
    with SmtpServer(Submission(password=password)) as server:
        assert submit(server, password=password).replies["MESSAGE"].ok
    (auth,) = [line for line in server.raw.split(b"\r\n") if line.startswith(b"AUTH")]
    assert len(auth) + 2 <= 512


def test_refused_token_is_answered_and_explained_by_the_reply() -> None:
    """An error challenge of XOAUTH2 wants an empty line before the refusal comes."""
    with SmtpServer(Submission(token="other")) as server:
        submitted = submit(server, authentication="xoauth2", token="canary-token")
    assert submitted.replies["AUTH"].code == 535
    assert f"S: 334 {MASK}" in submitted.transcript


def test_starttls_and_implicit_tls(server_context: ssl.SSLContext, certificates: Certificates) -> None:
    """EHLO again after STARTTLS (RFC 3207 section 4.2): what was offered in clear counts for nothing."""
    offer = Submission(in_clear=False)
    with SmtpServer(offer, starttls=server_context) as server:
        submitted = submit(server, certificates.ca)
    assert submitted.replies["MESSAGE"].ok
    assert [line.split()[0] for line in server.commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert "STARTTLS" not in submitted.session.extensions
    with SmtpServer(offer, tls=server_context) as server:
        assert submit(server, certificates.ca).replies["MESSAGE"].ok


def test_extensions_in_old_and_new_spelling() -> None:
    """`AUTH=` was written before RFC 2554 was finished, and both lines may come."""
    lines = reply(b"250-mail.example", b"250-auth=LOGIN", b"250-AUTH PLAIN Login", b"250-", b"250 SIZE 42")
    with SmtpServer(script={"EHLO": lines}) as server:
        session = submit(server).session
    assert session.extensions["SIZE"] == ("42",)
    assert session.mechanisms() == ["LOGIN", "PLAIN"]


BANNERS = [
    (b"554 5.7.1 no service for you\r\n", "greeting_rejected", "the server answered 554 5.7.1 no service for you"),
    (b"421 4.3.2 try later\r\n", "greeting_rejected", "the server answered 421 4.3.2 try later"),
    (b"450 busy\r\n", "greeting_rejected", "the server answered 450 busy"),
    (b"250 hello\r\n", "protocol_error", "the server sent something else instead of a banner: 250 hello"),
    (b"* OK IMAP4rev1 ready\r\n", "not_smtp", "the server speaks IMAP, not SMTP: * OK IMAP4rev1 ready"),
    (b"+OK POP3\r\n", "not_smtp", "the server speaks POP3, not SMTP: +OK POP3"),
    (b"SSH-2.0-x\r\n", "not_smtp", "the server speaks SSH, not SMTP: SSH-2.0-x"),
    (b"HTTP/1.1 400 Bad\r\n", "not_smtp", "the server speaks HTTP, not SMTP: HTTP/1.1 400 Bad"),
    (b"220 ProFTPD ready\r\n", "not_smtp", "the server speaks FTP, not SMTP: 220 ProFTPD ready"),
    (b"hello\r\n", "not_smtp", "the server does not speak SMTP: hello"),
    (b"22x what\r\n", "not_smtp", "the server does not speak SMTP: 22x what"),
    (b"220 mail.example\n", "protocol_error", "the server sent a bare line end in a reply"),
]


@pytest.mark.parametrize(("line", "type", "detail"), BANNERS)
def test_banners(line: bytes, type: str, detail: str) -> None:
    """What speaks on the port is named; nothing is sent to it, neither when it hangs up."""
    for then in (hang, close):
        with SmtpServer(script={"GREETING": raw(line, then)}) as server:
            assert submit(server, seconds=1).told == (type, detail)
        assert server.raw == b""


@pytest.mark.parametrize("line", [b"220 ftp.example.com ESMTP Postfix", b"220-a\r\n220 b", b"220", b"220 \xff\xfe"])
def test_odd_banners_that_are_good(line: bytes) -> None:
    """A host may be named ftp, a banner may have lines, no text, or text in another charset."""
    with SmtpServer(script={"GREETING": raw(line + b"\r\n")}) as server:
        assert submit(server).replies["MESSAGE"].ok


def test_cut_before_the_banners_end_names_the_protocol() -> None:
    """As far as it came; a beginning that may be SMTP's is a lost connection."""
    for beginning, type in ((b"* OK IM", "not_smtp"), (b"2", "connection_lost"), (b"220 mail", "connection_lost")):
        with SmtpServer(script={"GREETING": raw(beginning, close)}) as server:
            assert submit(server).told[0] == type


def test_clear_text_on_a_tls_port_is_named(server_context: ssl.SSLContext, certificates: Certificates) -> None:
    """smtps:// on 587 is the usual mistake."""
    with SmtpServer(tls=server_context, script={"TLS": raw(b"220 mail.example ESMTP\r\n", hang)}) as server:
        told = submit(server, certificates.ca).told
    words = "the server speaks SMTP in clear text on a port where TLS was expected: 220 mail.example ESMTP"
    assert told == ("not_smtp", words)


@pytest.mark.parametrize("junk", [b"250 injected\r\n", b"250-half", b"\x16\x03\x01junk", b"421 4.3.2 bye\r\n"])
def test_injection_before_tls_is_refused(
    server_context: ssl.SSLContext, certificates: Certificates, junk: bytes
) -> None:
    """What comes in clear after the reply to STARTTLS would be taken for the server's after the handshake."""
    together = {"STARTTLS": raw(b"220 2.0.0 go\r\n" + junk, hang)}
    apart = {"TLS": raw(b"250 injected\r\n", hang)}
    for script in (together, apart):
        with SmtpServer(script=script, starttls=server_context) as server:
            submitted = submit(server, certificates.ca)
        type, detail = submitted.told
        assert type == "protocol_error"
        assert "response injection" in detail
        assert not submitted.session.usable
        assert b"AUTH" not in server.raw


def test_starttls_that_is_not_offered_or_refused(server_context: ssl.SSLContext, certificates: Certificates) -> None:
    """Nothing goes on in clear."""
    plain = {"EHLO": reply(b"250-mail.example", b"250 AUTH PLAIN")}
    refused = {"STARTTLS": reply(b"454 4.7.0 TLS not available due to temporary reason")}
    with SmtpServer(script=plain, starttls=server_context) as server:
        assert submit(server, certificates.ca).told == (
            "starttls_unavailable", "the server does not offer STARTTLS"
        )  # fmt: skip
    with SmtpServer(script=refused, starttls=server_context) as server:
        failure = submit(server, certificates.ca).failure
    assert failure is not None
    assert (failure.type, failure.response_code) == (FailureType.STARTTLS_UNAVAILABLE, "4.7.0")
    assert b"AUTH" not in server.raw


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("action", "type", "words"),
    [
        (close, "connection_lost", "the server closed the connection"),
        (reset, "connection_lost", "the connection was reset"),
        (hang, "timeout", "no complete answer in time"),
        (drip, "timeout", "no complete answer in time"),
        (endless_line, "protocol_error", "a line of more than 4096 bytes"),
        (endless_lines, "protocol_error", "a reply of more than 100 lines"),
        (raw(b"250 bare\n", hang), "protocol_error", "a bare line end"),
        (raw(b"250 a\rb\r\n", hang), "protocol_error", "a bare line end"),
        (raw(b"250-one\n250 two\r\n", hang), "protocol_error", "a bare line end"),
        (raw(b"250-one\r\n251 two\r\n", hang), "protocol_error", "begins with 250 and goes on with 251"),
        (raw(b"250-one\r\nwhat\r\n", hang), "protocol_error", "no SMTP reply"),
        (raw(b"199 early\r\n", hang), "protocol_error", "no SMTP reply"),
        (raw(b"600 late\r\n", hang), "protocol_error", "no SMTP reply"),
        (raw(b"2500 long\r\n", hang), "protocol_error", "no SMTP reply"),
        (raw(b"\r\n", hang), "protocol_error", "no SMTP reply"),
        (raw(b"399 more\r\n", hang), "protocol_error", "399, which asks for more than there is"),
    ],
)
def test_trouble_at_every_command(command: str, action: Action, type: str, words: str) -> None:
    """Told right, in time, and nothing is sent after it."""
    with SmtpServer(script={command: action}) as server:
        began = time.monotonic()
        submitted = submit(server, seconds=0.6)
        elapsed = time.monotonic() - began
    told, detail = submitted.told
    if command == "GREETING" and told == "not_smtp":
        assert words == "no SMTP reply"
    elif command == "GREETING" and words.startswith("399"):
        assert (told, "instead of a banner" in detail) == ("protocol_error", True)
    else:
        assert (told, words in detail) == (type, True), submitted.told
    assert elapsed < 1.5
    assert not submitted.session.usable
    assert len(server.envelopes) == 0
    assert "canary" not in "\n".join(submitted.transcript) + detail


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_closing_at_every_command(command: str) -> None:
    """421 may be the answer to anything (RFC 5321 section 3.8): the session is over, and the words are kept."""
    for then in (hang, close):
        with SmtpServer(script={command: reply(b"421 4.3.2 shutting down", then=then)}) as server:
            submitted = submit(server)
        assert not submitted.session.usable
        if command == "EHLO":
            assert submitted.told == ("connection_lost", "the server ended the session: 421 4.3.2 shutting down")
        else:
            assert submitted.replies[command].closing
            assert submitted.replies[command].words == "421 4.3.2 shutting down"
        assert server.envelopes == []


@pytest.mark.parametrize(("command", "after"), list(itertools.pairwise(COMMANDS[:-1])))
def test_closing_before_a_command_is_its_answer(command: str, after: str) -> None:
    """A server that ends the session while we are at work: 421 has come already, and nothing more is sent."""
    good = {"GREETING": b"220 hi\r\n", "EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", "AUTH": b"235 in\r\n"}
    line = good.get(command, b"250 ok\r\n") + b"421 4.4.2 timeout exceeded\r\n"
    with SmtpServer(script={command: raw(line, hang)}) as server:
        submitted = submit(server)
    told = submitted.failure.detail if submitted.failure else submitted.replies[after].words
    assert "421 4.4.2 timeout exceeded" in told
    assert not any(line.startswith(after) for line in server.commands)


@pytest.mark.parametrize("words", ["552 5.3.4 Message too big for system", "421 4.3.2 shutting down", "554 no"])
def test_refusal_that_comes_while_the_message_is_sent_is_its_answer(words: str) -> None:
    """A server need not read to the end what it will not have: its reason is known, not only that it has gone."""
    with SmtpServer(script={"DATA": stop_reading(words.encode() + b"\r\n")}) as server:
        submitted = submit(server, message=MORE_THAN_SOCKETS_HOLD, seconds=20)
    assert submitted.failure is None
    assert submitted.replies["MESSAGE"].words == words
    assert not submitted.session.usable
    assert submitted.transcript[-2:] == (f"C: {{{len(MORE_THAN_SOCKETS_HOLD)} octets}}", f"S: {words}")


@pytest.mark.parametrize(
    "words", [b"", b"250 2.0.0 Ok: queued as 4XyZ\r\n", b"354 go on\r\n", b"552-5.3.4 Message\r\n", b"552"]
)
def test_connection_that_ends_while_the_message_is_sent_without_a_refusal_is_lost(words: bytes) -> None:
    """What was not sent to its end was not accepted, whatever the server says of it."""
    with SmtpServer(script={"DATA": stop_reading(words)}) as server:
        submitted = submit(server, message=MORE_THAN_SOCKETS_HOLD, seconds=20)
    assert submitted.told[0] == "connection_lost"
    assert "MESSAGE" not in submitted.replies
    assert not submitted.session.usable


@pytest.mark.parametrize("command", COMMANDS[:-2])
def test_reply_that_no_command_asked_for(command: str) -> None:
    """Pipelined junk would be taken for the answer to what comes next."""
    good = {"GREETING": b"220 hi\r\n", "EHLO": b"250-x\r\n250 AUTH PLAIN\r\n", "AUTH": b"235 in\r\n"}
    with SmtpServer(script={command: raw(good.get(command, b"250 ok\r\n") + b"250 and more\r\n", hang)}) as server:
        submitted = submit(server)
    assert submitted.told == ("protocol_error", "the server sent a reply that no command asked for")
    assert server.received == []


def test_positive_answer_to_data_is_no_invitation() -> None:
    """250 where 354 is meant: the message does not go out."""
    with SmtpServer(script={"DATA": reply(b"250 ok")}) as server:
        submitted = submit(server)
    assert submitted.told == ("protocol_error", "the server sent 250 to DATA")
    assert b"body-canary" not in server.raw


def test_endless_challenges_end() -> None:
    """The exchange is cancelled; a server that asks on even then is left."""

    def ask_for_ever(exchange: Exchange) -> None:
        while True:
            exchange.send(b"334 \r\n")
            exchange.connection.line()

    with SmtpServer(script={"AUTH": ask_for_ever}) as server:
        submitted = submit(server, authentication="login")
    assert submitted.told[0] == "protocol_error"
    assert b"\r\n*\r\n" in server.raw


def test_success_before_any_credentials_is_no_login() -> None:
    """235 to a bare AUTH proves nothing."""
    with SmtpServer(script={"AUTH": reply(b"235 2.7.0 in")}) as server:
        assert submit(server, authentication="login").told[0] == "protocol_error"


REPLIES: list[tuple[bytes, str | None, str]] = [
    (b"550 5.1.1 no such user\r\n", "5.1.1", "550 5.1.1 no such user"),
    (
        b"550-5.7.26 not\r\n550-5.7.26 authenticated\r\n550 5.7.26 here\r\n",
        "5.7.26",
        "550 5.7.26 not authenticated here",
    ),
    (b"550 4.7.1 of another class\r\n", None, "550 4.7.1 of another class"),
    (b"450 4.7.1\r\n", "4.7.1", "450 4.7.1"),
    (b"552 5.2.2.1 no code\r\n", None, "552 5.2.2.1 no code"),
    (b"550 5.1234.1 no code\r\n", None, "550 5.1234.1 no code"),
    (b"550\r\n", None, "550"),
    (b"550-\r\n550 \r\n", None, "550"),
    (b"550 a\0b \x1b[31m\xff\r\n", None, "550 a\\x00b \\x1b[31m\\xff"),
]


@pytest.mark.parametrize(("line", "code", "words"), REPLIES)
def test_enhanced_status_codes(line: bytes, code: str | None, words: str) -> None:
    """RFC 3463: three numbers at the text's beginning, of the reply's own class (RFC 2034 section 4)."""
    with SmtpServer(script={"RCPT": raw(line)}) as server:
        refused = submit(server).replies["RCPT"]
    assert (refused.enhanced, refused.words, refused.ok) == (code, words, False)
    assert server.received == []


@pytest.mark.parametrize("command", ["AUTH", "CHALLENGE"])
@pytest.mark.parametrize("authentication", ["plain", "login", "cram-md5"])
def test_login_is_masked_by_position_whatever_comes_back(command: str, authentication: str) -> None:
    """A password of three octets, echoed in challenges and in lines that are no replies."""
    lines = [
        b"334 Xq7\r\n",
        b"334-Xq7\r\n334 Xq7\r\n",
        b"Xq7 is no reply\r\n",
        b"334 " + base64.b64encode(b"so Xq7") + b"\r\n",
    ]
    for line in lines:
        with SmtpServer(Submission(password="Xq7"), {command: raw(line, hang)}) as server:
            submitted = submit(server, authentication=authentication, password="Xq7", seconds=0.5)
        shown = "\n".join(submitted.transcript)
        assert "Xq7" not in shown
        assert base64.b64encode(b"so Xq7").decode() not in shown


def test_known_secret_is_masked_in_words_and_codes() -> None:
    """A server that repeats the password in its refusal."""
    with SmtpServer(script={"AUTH": reply(b"535 5.7.8 canary-s3nding is wrong")}) as server:
        refused = submit(server).replies["AUTH"]
    assert refused.words == f"535 5.7.8 {MASK} is wrong"
    assert refused.rejected(FailureType.AUTHENTICATION_FAILED).detail.endswith(f"{MASK} is wrong")


def whole_session() -> bytes:
    """All that the server says when nothing goes wrong."""
    said = bytearray()

    def listen(data: bytes) -> bytes:
        said.extend(data)
        return data

    with SmtpServer() as server:
        _tap(server, listen)
        assert submit(server).failure is None
    return bytes(said)


def _tap(server: SmtpServer, change: Callable[[bytes], bytes]) -> None:
    converse = server.session

    def session(connection: object) -> object:
        send = connection.send  # type: ignore[attr-defined]
        connection.send = lambda data: send(change(data))  # type: ignore[attr-defined]
        return converse(connection)  # type: ignore[arg-type]

    server.session = session  # type: ignore[method-assign]


def test_cut_at_every_octet() -> None:
    """The session ends in a failure of the connection or the protocol, and no message is taken for accepted."""
    said = whole_session()
    accepted = said.index(b"250 2.0.0 Ok: queued") + len(b"250 2.0.0 Ok: queued as 4XyZ\r\n")
    for offset in range(len(said)):
        left = offset
        with SmtpServer() as server:

            def cut(data: bytes, server: SmtpServer = server) -> bytes:
                nonlocal left
                part, left = data[:left], left - len(data)
                if left < 0:
                    server.sessions[-1].sock.sendall(part)
                    server.sessions[-1].close()
                return part

            _tap(server, cut)
            submitted = submit(server)
        if offset >= accepted:
            assert submitted.replies["MESSAGE"].ok, offset
            continue
        assert submitted.failure is not None, offset
        assert submitted.failure.type is FailureType.CONNECTION_LOST, (offset, submitted.failure.detail)
        assert "MESSAGE" not in submitted.replies
        assert "canary" not in "\n".join(submitted.transcript)
