"""Canaries of both logins and of the message, looked for in every output of a check that sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from faults.test_secrets_reach_no_output import spellings

from imapcheck import CheckResult, Credentials, run_check
from imapcheck.aws.metrics import metrics_of, publish
from imapcheck.aws.run_log import run_fields
from imapcheck.cli.formats import screen_for
from imapcheck.output.formats import FORMATS
from imapcheck.output.outcome import Outcome
from support.mail_server import Box
from support.round_trip import World, world
from support.smtp_server import Envelope, Submission
from support.wire_server import Exchange

READER, SENDER = 'cAnary"pass\\wörd', "s3nding\\canary;#1"
BODY = "Nobody needs to read it"
CREDENTIALS = Credentials.model_validate(
    {
        "username": "alice",
        "password": READER,
        "send": {"username": "sender", "password": SENDER, "host": "localhost"},
    }
)


def leaks(text: str) -> list[str]:
    """Which canaries a text holds, in whatever spelling."""
    wanted = [form.decode("latin-1") for secret in (READER, SENDER) for form in spellings(secret)]
    seen = text.encode("utf-8", "surrogateescape").decode("latin-1")
    return [
        form for form in [*wanted, *(json.dumps(form)[1:-1] for form in wanted), BODY] if form in seen or form in text
    ]


def outputs(there: World, result: CheckResult, capsys: pytest.CaptureFixture[str]) -> str:
    """All that anybody is shown of the run."""
    definition = there.define(metrics="all")
    publish("ImapCheck/x", metrics_of(result, definition), datetime.now(UTC))
    outcome = Outcome("wire", result)
    shown = [json.dumps(result.to_dict()), str(run_fields(result, instant_test=False, cold_start=False)), repr(result)]
    for format in FORMATS.values():
        screen = screen_for(format, 1, transcript=True)
        screen.result(outcome)
        screen.finish([outcome])
    return "\n".join([*shown, capsys.readouterr().out])


def parrot(code: bytes) -> Any:
    """The command comes back, with the secrets in every spelling, on three lines of a reply."""

    def act(exchange: Exchange) -> None:
        said = b" ".join(form for secret in (READER, SENDER) for form in spellings(secret)).replace(b"\n", b"")
        for separator, text in ((b"-", exchange.line), (b"-", said[:1500]), (b" ", said[-1500:])):
            exchange.send(code + separator + text + b"\r\n")

    return act


@pytest.mark.parametrize("command", ["GREETING", "EHLO", "AUTH", "CHALLENGE", "MAIL", "RCPT", "DATA", "MESSAGE"])
@pytest.mark.parametrize("code", [b"250", b"334", b"421", b"535", b"550"])
@pytest.mark.parametrize("authentication", ["login", "cram-md5"])
def test_replies_show_no_secret(
    capsys: pytest.CaptureFixture[str], command: str, code: bytes, authentication: str
) -> None:
    """Whatever comes back, and whatever it is taken for."""
    tls = {"mode": "none"}
    with world({command: parrot(code)}, offer=Submission(password=SENDER)) as there:
        there.imap.dialect.password, there.lands_in = READER, None
        send = {"authentication": "cram-md5" if authentication == "login" else authentication, "tls": tls}
        result = run_check(there.define({**send, "within": "1s"}), CREDENTIALS)
        assert leaks(outputs(there, result, capsys)) == []


def test_headers_bounces_and_names_show_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """What others wrote into the message on its way, and where it lies."""
    hostile = SENDER.encode()
    box = Box(special="\\Junk")
    boxes = {"INBOX": Box(), "Spam": box}
    with world(boxes=boxes, offer=Submission(password=SENDER, queued=b"250 Ok: queued as " + hostile)) as there:
        there.imap.dialect.password, there.lands_in = READER, "Spam"
        there.headers = (
            b"Authentication-Results: " + hostile + b"; spf=" + hostile + b"; dkim=fail\r\n"
            b"Received: from x by " + hostile + b" with " + hostile + b"; Sun, 29 Nov 2026 07:00:00 +0000\r\n"
        )
        result = run_check(there.define({"within": "7s"}, timeout=20), CREDENTIALS)
        assert result.failure is not None
        assert result.failure.type.value == "delivered_to_junk"
        assert leaks(outputs(there, result, capsys)) == []


def test_reason_of_a_bounce_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """And it is one line."""
    with world(offer=Submission(password=SENDER)) as there:
        there.imap.dialect.password, there.lands_in = READER, None

        def bounce(envelope: Envelope) -> None:
            run = envelope.octets.partition(b"X-Imapcheck-Run: ")[2].partition(b"\r\n")[0]
            report = (
                b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
                b"Content-Type: message/delivery-status\r\n\r\n"
                b"Reporting-MTA: dns; x\r\n\r\nDiagnostic-Code: smtp; 550 no " + SENDER.encode() + b" \x1b[31m\r\n"
                b"--b\r\n\r\n" + run + b"\r\n--b--\r\n"
            )
            there.store["INBOX"].put(report)

        there.on_the_way = bounce
        result = run_check(there.define({"to": "monitor@example.com"}), CREDENTIALS)
        assert result.failure is not None
        assert "and returned: 550 no ********" in result.failure.detail
        assert "\x1b" not in result.failure.detail
        assert leaks(outputs(there, result, capsys)) == []
