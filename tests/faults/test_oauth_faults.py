"""OAuth2 logins that a mail server keeps refusing, and token endpoints that are slow or absurd."""

import json
import logging
import ssl
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from conftest import Define
from imapcheck import Credentials, run_check
from imapcheck.check.login_pause import LoginGuard
from imapcheck.errors import CredentialsError
from imapcheck.login import oauth
from imapcheck.trace import Deadline
from support import token_endpoint as endpoints
from support.certificates import Certificates
from support.token_endpoint import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, TokenEndpoint
from support.wire_server import Dialect, Exchange, WireServer, close, hang

START = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def secret(endpoint: TokenEndpoint) -> Credentials:
    return Credentials.model_validate(
        {"username": "alice", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
         "refresh_token": REFRESH_TOKEN}
    )  # fmt: skip


@pytest.fixture
def refusing(server_context: Any) -> Iterator[tuple[WireServer, list[bytes]]]:
    """A server that refuses every login, counts them, and repeats what it was sent."""
    logins: list[bytes] = []

    def refuse(exchange: Exchange) -> bool:
        logins.append(exchange.line)
        exchange.send(exchange.tag + b" NO [AUTHENTICATIONFAILED] not with " + exchange.line.strip() + b"\r\n")
        return False

    capabilities = "IMAP4rev1 SASL-IR AUTH=XOAUTH2"
    with WireServer(Dialect(capabilities=capabilities), {"AUTHENTICATE": refuse}, tls=server_context) as server:
        yield server, logins


def test_day_of_refused_tokens_makes_at_most_a_hundred_logins(
    define: Define, refusing: tuple[WireServer, list[bytes]], endpoint: TokenEndpoint, secret: Credentials
) -> None:
    """A mailbox that the application may no longer open costs as few logins as a stale password (two hours of it)."""
    server, logins = refusing
    definition = define(server, authentication="xoauth2")
    now = START
    guard = LoginGuard(lambda: now)
    for minute in range(120):
        now = START + timedelta(minutes=minute)
        result = run_check(definition, secret, login_pause=guard.pause(definition, secret, "1"))
        guard.note(definition, secret, "1", result)
        assert result.failure is not None
    assert len(logins) * 12 <= 100
    assert len(endpoint.requests) == len(logins)


def test_nothing_secret_shows_when_a_server_repeats_the_login(
    define: Define, refusing: tuple[WireServer, list[bytes]], endpoint: TokenEndpoint, secret: Credentials,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Result, transcript and every logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    result = run_check(define(refusing[0], authentication="xoauth2"), secret)
    shown = json.dumps(result.to_dict()) + caplog.text
    assert result.failure is not None
    assert endpoint.issued
    assert not any(value in shown for value in (CLIENT_SECRET, REFRESH_TOKEN, *endpoint.issued))
    assert refused_line(refusing).decode() not in shown


def refused_line(refusing: tuple[WireServer, list[bytes]]) -> bytes:
    """The base64 of the login that the server saw."""
    return refusing[1][0].split()[-1]


def test_slow_token_endpoint_is_never_the_mail_servers_time_out(
    define: Define, refusing: tuple[WireServer, list[bytes]], endpoint: TokenEndpoint, secret: Credentials
) -> None:
    """It may use half of the time, so that the mail server is never judged by what is left."""

    def late(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(1.2)

    endpoint.misbehave = late
    definition = define(refusing[0], authentication="xoauth2", timeout=2)
    started = time.monotonic()
    with pytest.raises(CredentialsError, match="token endpoint localhost: timeout"):
        run_check(definition, secret)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("second", ["hang", "close"])
def test_refusal_is_not_lost_when_the_attempt_with_a_new_token_is_cut_short(
    define: Define, endpoint: TokenEndpoint, secret: Credentials, server_context: Any, second: str
) -> None:
    """The server said NO to the kept token: what it did not say afterwards takes nothing back, and the pause begins."""
    logins: list[bytes] = []

    def refuse_and_fall_silent(exchange: Exchange) -> None:
        logins.append(exchange.line)
        if len(logins) == 1:
            exchange.send(exchange.tag + b" NO [AUTHENTICATIONFAILED] token revoked\r\n")
        elif second == "hang":
            hang(exchange)
        else:
            close(exchange)

    capabilities = "IMAP4rev1 SASL-IR AUTH=XOAUTH2"
    oauth.access_token(secret, Deadline.after(10))
    guard = LoginGuard(lambda: START)
    script = {"AUTHENTICATE": refuse_and_fall_silent}
    with WireServer(Dialect(capabilities=capabilities), script, tls=server_context) as server:
        definition = define(server, authentication="xoauth2", timeout=2)
        result = run_check(definition, secret)
    assert len(logins) == 2
    assert result.failure is not None
    assert (result.failure.type, result.failure.response_code) == ("authentication_failed", "AUTHENTICATIONFAILED")
    cut = "timeout" if second == "hang" else "connection_lost"
    assert "token revoked" in result.failure.detail
    assert f"the attempt with a new token: authenticate: {cut}" in result.failure.detail
    assert result.failures[0] == result.failure
    assert (result.attempts, [failure.type for failure in result.earlier_failures]) == (2, ["authentication_failed"])
    guard.note(definition, secret, "1", result)
    assert guard.pause(definition, secret, "1") is not None


@pytest.mark.parametrize("lifetime", [10**400, -1, None, True, [], "soon", float("nan"), float("inf")])
def test_absurd_lifetime_is_no_error(endpoint: TokenEndpoint, secret: Credentials, lifetime: Any) -> None:
    """A token without a usable `expires_in` is used."""
    answer = json.dumps({"access_token": "token-canary", "expires_in": lifetime}).encode()
    endpoint.misbehave = lambda handler: endpoints.send(handler, 200, answer)
    assert oauth.access_token(secret, Deadline.after(5)).value == "token-canary"


def test_host_header_names_the_port(endpoint: TokenEndpoint, secret: Credentials) -> None:
    """RFC 9110 section 7.2: proxies and virtual hosts go by it."""
    hosts: list[str] = []

    def note(handler: BaseHTTPRequestHandler) -> None:
        hosts.append(handler.headers["Host"])
        endpoints.html(handler)

    endpoint.misbehave = note
    with pytest.raises(CredentialsError) as raised:
        oauth.access_token(secret, Deadline.after(5))
    assert hosts == [endpoint.url.split("/")[2]]
    assert CLIENT_SECRET not in "".join(traceback.format_exception(raised.value))


def test_nothing_secret_shows_on_the_command_line(
    refusing: tuple[WireServer, list[bytes]], endpoint: TokenEndpoint,
    certificates: Certificates, tmp_path: Path,
) -> None:  # fmt: skip
    """Standard output and error, transcript included, after a refused token and after a refused client."""
    server, _ = refusing
    data = {"server": f"imaps://localhost:{server.port}/", "authentication": "xoauth2",
            "tls": {"ca_file": str(certificates.ca)}}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(data))
    fields = {"username": "alice", "token_url": endpoint.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    for change, code in (({}, 1), ({"client_secret": "wrong-canary-secret"}, 2)):
        (tmp_path / "secret").write_text(json.dumps(fields | change))
        done = subprocess.run(
            [sys.executable, "-c", "from imapcheck.cli.app import main; main()", "run", "a.json",
             "--credentials", "secret", "--transcript"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        shown = done.stdout + done.stderr
        assert done.returncode == code, shown
        assert not any(value in shown for value in (CLIENT_SECRET, "wrong-canary-secret", *endpoint.issued))
    assert "invalid_client" in shown


def test_private_authority_without_strict_extensions(define: Define, tmp_path: Path) -> None:
    """As every mail client accepts it; Python's own strict default would refuse it."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=30)

    (tmp_path / "ca.cnf").write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\n[v3]\nbasicConstraints=CA:TRUE\n"
        "[leaf]\nsubjectAltName=DNS:localhost\n"
    )
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-config", "ca.cnf")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Corporate", "-days", "30")
    openssl("req", *new, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=mail")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "30",
            "-extfile", "ca.cnf", "-extensions", "leaf", "-out", "leaf.pem")  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem", tmp_path / "leaf.key")
    with WireServer(tls=context) as server:
        result = run_check(define(server, authentication="none", tls={"ca_file": str(tmp_path / "ca.pem")}))
    assert result.available, result.failure
    assert result.server.tls is not None
    assert result.server.tls.verified
