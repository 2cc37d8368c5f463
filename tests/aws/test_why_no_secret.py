"""Whatever keeps a secret from being read is told as what it is, by who refused, and costs no other file its run."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from imapcheck.aws.secrets import SecretReader
from imapcheck.errors import CredentialsError
from support.certificates import Certificates
from support.wire_server import WireServer

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-4711"}
REGION = {"AWS_DEFAULT_REGION": "eu-central-1"}
NO_METADATA = {"AWS_EC2_METADATA_DISABLED": "true"}
ARN = "role_arn = arn:aws:iam::123456789012:role/r\n"
BASE = "[profile base]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = canary-4711\n"
ROLE = f"[profile r]\n{ARN}source_profile = base\n{BASE}"
LOOP = f"[default]\n{ARN}source_profile = b\n[profile b]\n{ARN}source_profile = default\n"
SSO = "[default]\nsso_start_url = https://x.example\nsso_region = eu-central-1\nsso_account_id = 1\nsso_role_name = r\n"
type Write = Callable[[str, dict[str, Any]], Path]
type Told = tuple[int, str, str]


@contextmanager
def aws(told: dict[str, Told]) -> Iterator[str]:
    """An endpoint for all of AWS: each operation is refused with (status, code, message)."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            operation = target or next(name for name in told if f"Action={name}&" in body)
            status, code, message = told[operation]
            if target:
                kind, text = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
            else:
                kind = "text/xml"
                text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_aws_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the machine's AWS variables nor its files; what a test takes out of the environment comes back."""
    monkeypatch.setattr(os, "environ", type(os.environ)(
        dict(os.environ._data), os.environ.encodekey, os.environ.decodekey, os.environ.encodevalue,  # type: ignore[attr-defined]
        os.environ.decodevalue))  # fmt: skip  # type: ignore[attr-defined]
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_MAX_ATTEMPTS": "1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), **NO_METADATA,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CredentialsError) as raised:
        SecretReader().read("imapcheck/mail")
    text = str(raised.value)
    assert text.startswith("secret imapcheck/mail: cannot be read: ")
    assert "canary-4711" not in text
    return text


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("AccessDeniedException", "User is not authorized to perform", "is its name under the secret prefix?"),
        ("AccessDeniedException", "Access to KMS is not allowed", "its KMS key may not be used"),
        ("KMSInvalidStateException", "pending deletion", "its KMS key may not be used"),
        ("UnrecognizedClientException", "The security token is invalid.", "does not know these"),
        ("InvalidSignatureException", "Signature not yet current: 2026", "clock of this machine"),
        ("InvalidSignatureException", "Signature expired: 2026", "clock of this machine"),
        ("InvalidSignatureException", "The request signature we calculated", "secret access key is wrong"),
        ("RequestTimeTooSkewed", "too large", "clock of this machine"),
        ("ExpiredTokenException", "The security token included in the request is expired", "have expired"),
        ("ThrottlingException", "Rate exceeded", "Secrets Manager throttled"),
        ("InternalServiceError", "oops", "Secrets Manager answered 500"),
        ("SomethingNew", "oops", "Secrets Manager answered 400"),
        ("ResourceNotFoundException", "oops", "no such secret"),
    ],
)  # fmt: skip
def test_refusal_of_secrets_manager(monkeypatch: pytest.MonkeyPatch, code: str, message: str, words: str) -> None:
    told = {"GetSecretValue": (500 if code == "InternalServiceError" else 400, code, f"{message} canary-4711")}
    with aws(told) as url:
        text = refusal(monkeypatch, AWS_ENDPOINT_URL=url, **KEYS, **REGION)
    assert words in text
    assert text.endswith(f"({code})")


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        ("AccessDenied", "not authorized to perform: sts:AssumeRole", "STS refused the role"),
        ("InvalidClientTokenId", "The security token included in the request is invalid", "does not know these"),
        ("SignatureDoesNotMatch", "Signature expired: 2026 is now earlier", "clock of this machine"),
        ("SignatureDoesNotMatch", "The request signature we calculated", "STS refused the call's signature"),
        ("ExpiredToken", "expired", "have expired"),
        ("RegionDisabledException", "STS is not activated", "STS is switched off"),
        ("ServiceUnavailable", "try later", "STS answered 503"),
    ],
)
def test_refusal_of_the_role_is_told_as_that_of_sts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, message: str, words: str
) -> None:
    (tmp_path / "config").write_text(ROLE)
    with aws({"AssumeRole": (503 if code == "ServiceUnavailable" else 403, code, f"{message} canary-4711")}) as url:
        text = refusal(monkeypatch, AWS_ENDPOINT_URL=url, AWS_PROFILE="r", **REGION)
    assert words in text
    assert "Secrets Manager" not in text


PROCESS = f"[default]\ncredential_process = {sys.executable} -c "


@pytest.mark.parametrize(
    ("config", "environment", "words"),
    [
        ("", KEYS, "no Region is set"),
        ("", {**KEYS, "AWS_DEFAULT_REGION": ""}, "no Region is set"),
        ("", {**KEYS, "AWS_DEFAULT_REGION": "eu central 1"}, "the Region is not one"),
        ("", {**KEYS, "AWS_DEFAULT_REGION": "https://canary-4711"}, "the Region is not one"),
        ("", {**KEYS, **REGION, "AWS_ENDPOINT_URL": "localhost:4566"}, "the endpoint is not a URL"),
        ("", {**KEYS, **REGION, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "no answer from Secrets Manager"),
        ("", {**KEYS, **REGION, "HTTPS_PROXY": "http://127.0.0.1:1"}, "no answer from the proxy"),
        ("", REGION, "no AWS credentials in this shell"),
        ("", {**REGION, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}, "incomplete"),
        ("", {**REGION, "AWS_PROFILE": "gone"}, "no such AWS profile"),
        ("", {**REGION, "AWS_METADATA_SERVICE_TIMEOUT": "x"}, "could not be asked with this machine's configuration"),
        ("", {**REGION, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/gone"},
         "the web identity token"),
        ("[default\nx", {**KEYS, **REGION}, "cannot be parsed"),
        (PROCESS + "\"print('nonsense canary-4711')\"\n", REGION, "credential_process of the AWS profile gave no"),
        (PROCESS + "\"print('[]')\"\n", REGION, "credential_process of the AWS profile"),
        (PROCESS + "\"print('{}')\"\n", REGION, "credential_process of the AWS profile failed"),
        (PROCESS + '"import sys; sys.exit(1)"\n', REGION, "credential_process of the AWS profile failed"),
        ("[default]\ncredential_process = /gone/helper\n", REGION, "credential_process of the AWS profile"),
        ("[default]\ncredential_process = 'unclosed\n", REGION, "credential_process of the AWS profile"),
        (f"[default]\n{ARN}source_profile = gone\n", REGION, "contradicts itself"),
        (LOOP, REGION, "leads back to itself"),
        (f"[default]\n{ARN}credential_source = Moon\n", REGION, "contradicts itself"),
        (SSO, REGION, "aws sso login"),
        (ROLE, {**REGION, "AWS_PROFILE": "r", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}, "no answer from STS"),
    ],
)  # fmt: skip
def test_what_was_never_asked_is_not_the_fault_of_secrets_manager(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str, environment: dict[str, str], words: str
) -> None:
    """Region, endpoint, proxy, profile, helper programs, caches: each by its name, and no exception of theirs."""
    (tmp_path / "config").write_text(config)
    text = refusal(monkeypatch, **environment)
    assert words in text
    assert ("Secrets Manager" in text) == ("Secrets Manager" in words)


def test_empty_variables_of_aws_count_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As CI leaves them: the profile's Region and keys are used."""
    (tmp_path / "config").write_text(
        "[default]\nregion = eu-central-1\naws_access_key_id = A\naws_secret_access_key = canary-4711\n"
    )
    empty = (
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "AWS_METADATA_SERVICE_TIMEOUT",
    )
    with aws({"GetSecretValue": (400, "ResourceNotFoundException", "")}) as url:
        text = refusal(monkeypatch, AWS_ENDPOINT_URL_SECRETS_MANAGER=url, **dict.fromkeys(empty, ""))
    assert "there is no such secret" in text


def test_secret_out_of_reach_costs_no_other_file_its_run(tmp_path: Path, write_definition: Write, server_context: Any,
    certificates: Certificates) -> None:  # fmt: skip
    """A profile that wants an MFA code, and nobody there to type it: that file is not run, the other is."""
    (tmp_path / "config").write_text(ROLE.replace("source_profile = base", "source_profile = base\nmfa_serial = m", 1))
    with WireServer(tls=server_context) as server:
        open_one = {"server": f"imaps://localhost:{server.port}/", "tls": {"ca_file": str(certificates.ca)},
                    "authentication": "none"}  # fmt: skip
        files = [
            write_definition("closed", {"server": "mail.example.com", "secret": "imapcheck/mail"}),
            write_definition("open", open_one),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "imapcheck", "run", *files, "--json"], start_new_session=True, check=False,
            env={**os.environ, **REGION, "AWS_PROFILE": "r"}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60,
        )  # fmt: skip
    closed, opened = (json.loads(line) for line in done.stdout.splitlines())
    assert "asks for an MFA code" in closed["error"]
    assert opened["available"] is True
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("hunter2-canary", "a bare password?"),
        ("{'username': 'a'}", "single quote"),
        ("{username: a, password: canary}", "quotes away"),
        (json.dumps(json.dumps({"username": "a"})), "encoded twice"),
        ('{"username": "a", "password": "x", "password": "y"}', "password: found the key more than once"),
        ('{"username": NaN}', "NaN"),
        ("", "empty"),
        ("[]", "a list"),
        (b"\x00\x01", "bytes"),
        (None, "nothing"),
    ],
)
def test_secret_that_is_no_object_is_told_by_what_it_is(
    monkeypatch: pytest.MonkeyPatch, stored: Any, words: str
) -> None:
    reader = SecretReader()
    monkeypatch.setattr(reader, "_text", lambda *_: stored)
    with pytest.raises(CredentialsError) as raised:
        reader.read("imapcheck/mail")
    assert words in str(raised.value)
    assert "canary" not in str(raised.value)


def test_secret_with_a_byte_order_mark_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """PowerShell writes files so."""
    reader = SecretReader()
    monkeypatch.setattr(reader, "_text", lambda *_: '\ufeff{"username": "a", "password": "b"}')
    assert reader.read("imapcheck/mail").username == "a"
