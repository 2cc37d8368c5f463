"""`--listen`: two pages for Prometheus, and clients of every kind."""

import contextlib
import http.client
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from prometheus_client.parser import text_string_to_metric_families

from imapcheck.cli import scrape
from imapcheck.cli.scrape import Listening, ScrapeTarget, parse_listening
from imapcheck.network import page_server
from support.command_line import called
from support.results import failure, outcome, result


@pytest.fixture
def server() -> Iterator[ScrapeTarget]:
    serving = ScrapeTarget(Listening("127.0.0.1", 0), ["b", "a"], patience=60)
    serving.server.start()
    yield serving
    serving.server.close()


def raw(server: ScrapeTarget, request: bytes, seconds: float = 10) -> bytes:
    """All that comes back to these octets."""
    with socket.create_connection(server.server.address, seconds) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def ask(server: ScrapeTarget, method: str, path: str) -> tuple[int, dict[str, str], str]:
    host, port = server.server.address
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    return response.status, dict(response.headers), response.read().decode()


def test_metrics_are_the_newest_of_each_check(server: ScrapeTarget) -> None:
    """In the order of the arguments; what has not run has no verdict."""
    assert ask(server, "GET", "/metrics")[::2] == (200, "")
    server.take(outcome(result("a")))
    server.take(outcome(result("b", failure())))
    server.take(outcome(result("a", failure())))
    status, headers, body = ask(server, "GET", "/metrics?x=1")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    found = [(sample.labels["check"], sample.value) for sample in families["probe_success"].samples]
    assert found == [("b", 0.0), ("a", 0.0)]


def test_head_is_get_without_its_body(server: ScrapeTarget) -> None:
    server.take(outcome(result("a")))
    _, got, body = ask(server, "GET", "/metrics")
    status, headers, nothing = ask(server, "HEAD", "/metrics")
    assert (status, nothing, headers) == (200, "", got)
    assert int(headers["Content-Length"]) == len(body.encode())


def test_health_says_that_the_watch_stands_still(server: ScrapeTarget) -> None:
    assert ask(server, "GET", "/healthz")[::2] == (200, "ok\n")
    server.patience = -1
    status, _, body = ask(server, "GET", "/healthz")
    assert status == 503
    assert body.startswith("no check has ended for ")
    server.patience = 60
    server.take(outcome(result("a")))
    assert ask(server, "GET", "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"), (b"DELETE / HTTP/1.1\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"), (b"GET /metrics/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404"), (b"GET http://x/metrics HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics\r\n\r\n", b"400"), (b"get /metrics HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"400"), (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"), (b"\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n", b"400"), (b"GET /\xff HTTP/1.1\r\n\r\n", b"400"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_few_words(server: ScrapeTarget, request_: bytes, status: bytes) -> None:
    answer = raw(server, request_)
    assert answer.split(b" ")[1] == status
    assert answer.startswith(b"HTTP/1.1 ")
    assert len(answer) < 400


def test_clients_that_drip_flood_or_leave_hold_nobody_up(server: ScrapeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request has its time and length; whoever comes too many is turned away, and then there is room again."""
    monkeypatch.setattr(page_server, "_SECONDS", 0.5)
    with contextlib.suppress(ConnectionResetError):
        assert raw(server, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 9000) == b""
    address = server.server.address
    held = [socket.create_connection(address, 10) for _ in range(page_server.MOST_AT_ONCE * 2)]
    for connection in held:
        connection.close() if connection.fileno() % 2 else connection.send(b"GET /met")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if ask(server, "GET", "/healthz")[0] == 200:
                break
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
    else:
        pytest.fail("no room was made again")
    for connection in held:
        connection.close()
    assert sum(thread.name == "page" for thread in threading.enumerate()) <= page_server.MOST_AT_ONCE


def test_client_that_does_not_read_ends(server: ScrapeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_server, "_SECONDS", 0.5)
    monkeypatch.setattr(scrape, "render", lambda outcomes: "x" * 50_000_000)
    with socket.create_connection(server.server.address) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        deadline = time.monotonic() + 20
        while any(thread.name == "page" for thread in threading.enumerate()) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not any(thread.name == "page" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("text", "where", "loopback"),
    [
        ("127.0.0.1:9814", ("127.0.0.1", 9814), True), ("localhost:0", ("127.0.0.1", 0), True),
        ("[::1]:80", ("::1", 80), True), ("0.0.0.0:1", ("0.0.0.0", 1), False), ("[::]:1", ("::", 1), False),
        ("192.0.2.1:65535", ("192.0.2.1", 65535), False),
    ],
)  # fmt: skip
def test_where_to_listen(text: str, where: tuple[str, int], loopback: bool) -> None:
    found = parse_listening(text)
    assert (tuple(found), found.is_loopback) == (where, loopback)


@pytest.mark.parametrize(
    "text",
    ["", "9814", ":9814", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "a b:1", "x.example:1", "::1:1", "1:2:3"],
)
def test_no_address_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_listening(text)


def test_wrong_usage_of_the_option(tmp_path: Path) -> None:
    """Without --every there is nothing to serve; an address in use is said before anything runs."""
    (tmp_path / "mail.json").write_text('{"server": "127.0.0.1:1", "authentication": "none"}')
    alone = called("run", "mail.json", "--listen", "127.0.0.1:0", cwd=tmp_path)
    assert (alone.returncode, "add --every" in alone.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        used = called("run", "mail.json", "--every", "60s", "--listen", address, cwd=tmp_path)
    assert used.returncode == 2
    assert "address already in use" in re.sub(r"[\s│]+", " ", used.stderr)


def test_watch_serves_what_it_sees(tmp_path: Path) -> None:
    """The whole call: its page says what its lines say, beside --append; another address than loopback is warned of."""
    (tmp_path / "_defaults.json").write_text('{"authentication": "none", "timeout": 5}')
    (tmp_path / "mail.json").write_text('{"extends": "_defaults.json", "server": "127.0.0.1:1"}')
    call = [
        sys.executable, "-m", "imapcheck", "run", "_defaults.json", "mail.json", "--every", "1s", "--json",
        "--listen", "0.0.0.0:0", "--append", "kept.jsonl",
    ]  # fmt: skip
    with subprocess.Popen(call, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            assert "without a password" in process.stderr.readline()
            url = process.stderr.readline().split()[1].replace("0.0.0.0", "127.0.0.1")
            assert json.loads(process.stdout.readline())["available"] is False
            time.sleep(0.3)
            with urllib.request.urlopen(url, timeout=10) as response:
                assert 'probe_success{check="mail"} 0.0' in response.read().decode()
        finally:
            process.kill()
    assert (tmp_path / "kept.jsonl").read_text().count("\n") >= 1
