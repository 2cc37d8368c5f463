"""Secrets Manager absent, refusing, throttling, slow; rotation that costs no false alarm."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aws.conftest import Deploy, PutSecret, Start
from aws.test_artifact import metrics
from support import forked
from support.dovecot import PASSWORD, Dovecot
from support.wire_server import WireServer

pytestmark = pytest.mark.server

type Answer = Callable[[BaseHTTPRequestHandler], None]


def refuse(status: int, code: str) -> Answer:
    """The error body that AWS's JSON protocols send."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"__type": code, "message": "canary-4711"}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/x-amz-json-1.1")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def stall(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(20)


def drop(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "9")
    handler.end_headers()
    handler.wfile.write(b"<html>4711"[:9])


@contextmanager
def endpoint(answer: Answer) -> Iterator[str]:
    """A Secrets Manager that always answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.socket.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuse(400, "AccessDeniedException"), "may not read it"),
        (refuse(400, "DecryptionFailure"), "KMS key"),
        (refuse(400, "InvalidRequestException"), "deleted"),
        (refuse(400, "ThrottlingException"), "throttled"),
        (refuse(500, "InternalServiceError"), "InternalServiceError"),
        (stall, "no answer from Secrets Manager"),
        (drop, "no answer from Secrets Manager"),
        (nonsense, "cannot be read"),
        (None, "no answer from Secrets Manager"),
    ],
    ids=["denied", "undecryptable", "deleted", "throttled", "500", "slow", "dropped", "nonsense", "absent"],
)
def test_broken_secrets_manager_is_an_error_in_time(
    environment: Start, deploy: Deploy, answer: Answer | None, words: str
) -> None:
    """A message a person can act on, within seconds, and no Availability."""
    with WireServer() as server, endpoint(answer or drop) as url:
        if answer is None:
            url = "http://127.0.0.1:1"
        folder = deploy("mail", server=f"imaps://localhost:{server.port}/", secret="imapcheck/mail")
        running = environment(folder, AWS_ENDPOINT_URL=url)
        started = time.monotonic()
        error = running.invoke({"check": "mail"}).error
        took = time.monotonic() - started
    assert error is not None
    message = error["errorMessage"]
    assert "check mail: secret imapcheck/mail: " in message
    assert words in message, message
    assert took < 15
    assert metrics(running) == {("MonitorErrors", "", ""): 1.0}
    assert "canary-4711" not in running.output()
    assert server.connections == 0


def test_rotated_password_costs_no_false_alarm(
    environment: Start, deploy: Deploy, put_secret: PutSecret, secrets_manager: Any, mail_server: str, dovecot: Dovecot
) -> None:
    """The password changes on the server and in the secret, by real stages: the next run is available all the same."""
    name = put_secret()
    running = environment(deploy("mail", server=mail_server, secret=name))
    assert running.invoke({"check": "mail"}).result["available"] is True
    value = {"username": "monitor", "password": "r0tated-canary", "host": "localhost"}
    pending = secrets_manager.put_secret_value(
        SecretId=name, SecretString=json.dumps(value), VersionStages=["AWSPENDING"]
    )["VersionId"]
    current = secrets_manager.describe_secret(SecretId=name)["VersionIdsToStages"]
    old = next(version for version, stages in current.items() if "AWSCURRENT" in stages)
    dovecot.change_password("monitor", "r0tated-canary")
    try:
        # The server has the new password, the secret not yet: refused, and the secret says nothing new.
        reply = running.invoke({"check": "mail"})
        assert reply.error is None, reply.error
        refused = reply.result
        assert refused["failure"]["type"] == "authentication_failed"
        assert refused["attempts"] == 1
        secrets_manager.update_secret_version_stage(
            SecretId=name, VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=old
        )
        reply = running.invoke({"check": "mail"})
        assert reply.error is None, reply.error
        rotated = reply.result
        assert rotated["available"] is True, rotated["failure"]
        assert rotated["attempts"] == 2
        assert [failure["type"] for failure in rotated["earlier_failures"]] == ["authentication_paused"]
        again = running.invoke({"check": "mail"}).result
        assert (again["available"], again["attempts"]) == (True, 1)
    finally:
        dovecot.change_password("monitor", PASSWORD)
    assert "r0tated-canary" not in running.output()
    assert PASSWORD not in running.output()


def test_secret_is_cached(
    environment: Start, deploy: Deploy, put_secret: PutSecret, secrets_manager: Any, mail_server: str
) -> None:
    """Secrets Manager is asked once an hour, not once a run."""
    name = put_secret()
    running = environment(deploy("mail", server=mail_server, secret=name))
    assert running.invoke({"check": "mail"}).result["available"] is True
    secrets_manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert running.invoke({"check": "mail"}).result["available"] is True


def test_command_line_reads_the_secret(put_secret: PutSecret, mail_server: str, deploy: Deploy) -> None:
    """Without file and environment credentials come from Secrets Manager on a laptop too."""
    folder: Path = deploy("mail", server=mail_server, secret=put_secret())
    done = forked.imapcheck("run", folder / "mail.json", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["available"] is True


def test_verdict_stands_although_secrets_manager_fails_afterwards(
    environment: Start, deploy: Deploy, put_secret: PutSecret, secrets_manager: Any, mail_server: str
) -> None:
    """The server has refused the login; that the secret cannot be read again takes nothing back, and is warned of."""
    name = put_secret(password="wr0ng-canary")
    running = environment(deploy("mail", server=mail_server, secret=name))
    assert running.invoke({"check": "mail"}).result["failure"]["type"] == "authentication_failed"
    secrets_manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    reply = running.invoke({"check": "mail"})
    assert reply.error is None, reply.error
    assert reply.result["failure"]["type"] == "authentication_paused"
    assert metrics(running)["Availability", "mail", ""] == 0
    [warning] = [line for line in running.output().splitlines() if '"WARNING"' in line]
    assert "no such secret" in warning
    assert "wr0ng-canary" not in running.output()


@pytest.mark.parametrize("secret", [None, "imapcheck/any"])
def test_login_inside_lambda_needs_a_secret_made_for_a_host(
    environment: Start, deploy: Deploy, put_secret: PutSecret, mail_server: str, secret: str | None
) -> None:
    """A deployed definition or an inline one; credentials without host could be sent anywhere."""
    name = put_secret({"username": "monitor", "password": PASSWORD}) if secret else None
    running = environment(deploy("mail", server=mail_server, secret=name), IMAPCHECK_ALLOW_INLINE_DEFINITIONS="true")
    for event in ({"check": "mail"}, {"server": mail_server, "secret": name}):
        error = running.invoke(event).error
        assert error is not None
        assert error["errorType"] == "CredentialsError"
        assert ("host: missing" if secret else "secret: missing") in error["errorMessage"]
