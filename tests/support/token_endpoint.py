"""An OAuth 2.0 token endpoint of ours over HTTPS on loopback; it issues tokens that Dovecot accepts."""

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.dovecot import bearer_token

SCOPE = "https://mail.google.com/"
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "the-client", "client-canary-secret", "refresh-canary-token"

type Misbehave = Callable[[BaseHTTPRequestHandler], None]


class TokenEndpoint:
    """`url` takes both grants; `requests` are the forms received; `lifetime` and `misbehave` may be changed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, str]] = []
        self.issued: list[str] = []
        self.refused: list[str] = []
        self.lifetime = 600.0
        self.misbehave: Misbehave | None = None
        self.signers: dict[str, Signer] = {}
        self._seen: set[str] = set()

    def signer(self, name: str) -> "Signer":
        """A key pair that the endpoint knows from now on as `name`: a service account's, or a client's certificate."""
        self.signers[name] = Signer(name)
        return self.signers[name]

    def _verified(self, name: str, token: str) -> dict[str, Any]:
        """The claims of an assertion of `name`; raises what is wrong with it (RFC 7523 section 3)."""
        head, payload, signature = token.split(".")
        header, claims = (json.loads(_octets(part)) for part in (head, payload))
        signer = self.signers[name]
        signer.key.public_key().verify(
            _octets(signature), f"{head}.{payload}".encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        assert header["alg"] == "RS256"
        assert header["typ"] == "JWT"
        if name == CLIENT_ID:
            assert header["x5t#S256"] == signer.thumbprint, "another certificate"
        else:
            assert header["kid"] == signer.key_id, "another key"
        now = time.time()
        assert claims["iss"] == name, "another issuer"
        assert claims["aud"] == self.url, "for another endpoint"
        assert now - 60 < claims["iat"] <= now, "not from now"
        assert now < claims["exp"] <= claims["iat"] + 3600, "not for now"
        assert token not in self._seen, "seen before"
        self._seen.add(token)
        return dict(claims)

    def answer_assertion(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Google's grant and Microsoft's client authentication; whoever else is who the assertion says."""
        try:
            if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
                [account] = self.signers
                claims = self._verified(account, form["assertion"])
                assert claims["scope"] == SCOPE, "another scope"
                user = claims["sub"]
            else:
                assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                assert form["client_id"] == CLIENT_ID
                assert form["grant_type"] == "client_credentials"
                assert "client_secret" not in form
                claims = self._verified(CLIENT_ID, form["client_assertion"])
                assert claims["sub"] == CLIENT_ID
                assert claims["jti"]
                user = "monitor"
        except (AssertionError, KeyError, ValueError, InvalidSignature) as error:
            self.refused.append(repr(error))
            return 400, {"error": "invalid_grant" if "assertion" in form else "invalid_client"}
        return self._issue(user)

    def _issue(self, user: str) -> tuple[int, dict[str, object]]:
        token = bearer_token(user, self.lifetime + len(self.issued))
        self.issued.append(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if "assertion" in form or "client_assertion" in form:
            return self.answer_assertion(form)
        if form.get("client_id") != CLIENT_ID:
            return 401, {"error": "invalid_client", "error_description": f"who is {form}?"}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != REFRESH_TOKEN:
                return 400, {"error": "invalid_grant"}
        elif form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        return self._issue("monitor")


class Signer:
    """A key that signs assertions, with its certificate."""

    def __init__(self, name: str) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "canary-key-id"
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(self.key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
            .sign(self.key, hashes.SHA256())
        )  # fmt: skip
        self.certificate = certificate.public_bytes(serialization.Encoding.PEM).decode()
        der = certificate.public_bytes(serialization.Encoding.DER)
        self.thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
        self.pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


def _octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def token_endpoint(context: ssl.SSLContext) -> Iterator[TokenEndpoint]:
    """Serve until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            endpoint.requests.append({name: values[0] for name, values in form.items()})
            if endpoint.misbehave is not None:
                endpoint.misbehave(self)
                return
            status, content = endpoint.answer(endpoint.requests[-1])
            send(self, status, json.dumps(content).encode())

        def log_message(self, *_: object) -> None:
            """The tests read what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    endpoint = TokenEndpoint(f"https://localhost:{server.server_address[1]}/token")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield endpoint
    server.shutdown()
    server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(5)


def drip(handler: BaseHTTPRequestHandler) -> None:
    for octet in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 50:
        handler.wfile.write(bytes([octet]))
        handler.wfile.flush()
        time.sleep(0.1)


def redirect(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 307, b"", Location="https://localhost:1/elsewhere")


def html(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, b"<html>sign in</html>")


def unavailable(handler: BaseHTTPRequestHandler) -> None:
    send(handler, 503, b"{}")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1000):
        handler.wfile.write(b"x" * 65536)


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()
