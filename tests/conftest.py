"""Fixtures that start real parts: certificates once a session, Dovecot once a session."""

import itertools
import signal
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from imapcheck import CheckDefinition, Credentials
from imapcheck.login import oauth
from support.certificates import Certificates, make_certificates
from support.dovecot import PASSWORD, Dovecot, require_dovecot
from support.mailbox_probe import Probe
from support.token_endpoint import TokenEndpoint, token_endpoint
from support.wire_server import WireServer

# How long an example takes is the machine's matter, not the code's.
settings.register_profile("imapcheck", settings(), deadline=None)
settings.load_profile("imapcheck")

# A shell that starts us in the background ignores Ctrl-C for us and all that we start: tests that send it would hang.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_TESTS = itertools.count()
type Define = Callable[..., CheckDefinition]


@pytest.fixture(autouse=True)
def _no_credentials_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAPCHECK_USERNAME", "IMAPCHECK_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_refusals_of_other_tests(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each test has a state folder of its own, as the command line remembers refused logins there."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / f"state-{next(_TESTS)}"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certificates")
    return make_certificates(directory)


@pytest.fixture(scope="session")
def server_context(certificates: Certificates) -> ssl.SSLContext:
    """A TLS context for servers of ours."""
    return certificates.server_context()


@pytest.fixture
def endpoint(
    server_context: ssl.SSLContext, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenEndpoint]:
    """A token endpoint whose authority is trusted the way OpenSSL is told of one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    monkeypatch.setattr(oauth, "_cache", {})
    with token_endpoint(server_context) as serving:
        yield serving


@pytest.fixture
def credentials() -> Credentials:
    """The credentials that `Dialect()` and Dovecot's user `monitor` know, the name apart."""
    return Credentials.model_validate({"username": "alice", "password": PASSWORD})


NEW_MESSAGE = {"from": "alice@example.com", "to": ["bob@example.com"], "subject": "IMAP testing", "message": "Hello."}


@pytest.fixture
def define(certificates: Certificates) -> Define:
    """Make a definition for a server of ours: `define(server, search="x")`; TLS as the server has it."""

    def make(server: WireServer, **fields: Any) -> CheckDefinition:
        secure = server.tls is not None
        scheme = "imaps" if secure or server.starttls is None else "imap"
        mode = "implicit" if secure else "starttls" if server.starttls is not None else "none"
        data: dict[str, Any] = {
            "name": "wire",
            "server": f"{scheme}://{'localhost' if server.host == '127.0.0.1' else f'[{server.host}]'}:{server.port}/",
            "tls": {"mode": mode, "ca_file": str(certificates.ca)},
            "timeout": 10,
        }
        return CheckDefinition.model_validate(data | fields)

    return make


@pytest.fixture(scope="session")
def dovecot(certificates: Certificates) -> Iterator[Dovecot]:
    require_dovecot()
    with Dovecot(certificates) as server:
        yield server


@pytest.fixture
def probe(dovecot: Dovecot, certificates: Certificates) -> Iterator[Probe]:
    """A second connection to the mailbox of `monitor`, empty at the start."""
    connection = Probe("localhost", dovecot.imaps, str(certificates.ca), "monitor", PASSWORD)
    for mailbox in ("INBOX", "Sent"):
        connection.empty(mailbox)
    yield connection
    connection.close()


@pytest.fixture
def write_definition(tmp_path: Path) -> Callable[[str, dict[str, Any]], Path]:
    """Write a definition file `NAME.json` and return its path."""
    import json

    def write(name: str, data: dict[str, Any]) -> Path:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        return path

    return write


# Besides what deploys: files that take more than ten seconds, the longest first.
LONGEST = (
    "faults/test_round_trip.py", "aws/test_artifact.py", "aws/test_explain_alarm.py", "unit/test_command_line.py",
    "unit/test_mutants.py", "aws/test_secrets.py", "unit/test_month_figures.py", "faults/test_submission.py",
    "unit/test_terminal.py", "aws/test_why_no_secret.py", "faults/test_failure_types.py", "template/test_template.py",
    "aws/test_explain_artifact.py", "unit/test_rendered.py", "release/test_artifacts.py", "faults/test_refusals.py",
    "faults/test_lines_that_clients_take.py", "servers/test_pymap.py", "unit/test_streams.py", "unit/test_watch.py",
)  # fmt: skip


def _place(path: Path) -> int:
    """Of a file in the order in which files begin."""
    if "deploy" in path.parts:
        return -1
    name = path.relative_to(Path(__file__).parent).as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, as all else can run beside them. What builds and deploys may take longer than the
    rest, and so may what is long by its nature (pyproject.toml).
    """
    items.sort(key=lambda item: _place(item.path))
    for item in items:
        patient = "deploy" in item.path.parts or item.get_closest_marker("long") is not None
        if patient and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(3600))
