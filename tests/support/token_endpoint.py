"""An OAuth 2.0 token endpoint of ours over HTTPS on loopback; it issues tokens that Dovecot accepts."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from support.dovecot import bearer_token

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "the-client", "client-canary-secret", "refresh-canary-token"

type Misbehave = Callable[[BaseHTTPRequestHandler], None]


class TokenEndpoint:
    """`url` takes both grants; `requests` are the forms received; `lifetime` and `misbehave` may be changed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, str]] = []
        self.issued: list[str] = []
        self.lifetime = 600.0
        self.misbehave: Misbehave | None = None

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if form.get("client_id") != CLIENT_ID:
            return 401, {"error": "invalid_client", "error_description": f"who is {form}?"}
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") != REFRESH_TOKEN:
                return 400, {"error": "invalid_grant"}
        elif form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client"}
        token = bearer_token("monitor", self.lifetime + len(self.issued))
        self.issued.append(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime}


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
