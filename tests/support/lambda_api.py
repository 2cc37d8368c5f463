"""Lambda's Invoke, as far as a client needs it: a function for each Region, known by the signature's scope.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

type Function = Callable[[Any], Any]


class Crash(Exception):
    """Raised by a function: the invocation ends with this as its payload, and `X-Amz-Function-Error`."""


class Refuse(Exception):
    """Raised by a function: Lambda itself answers so, as `(status, code)`."""


@contextmanager
def lambda_api(functions: dict[str, Function]) -> Iterator[str]:
    """Serve `functions`, by Region; yields the endpoint's URL. What a function returns is the payload, bytes as is."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            scope = re.search(r"Credential=[^/]+/\d+/([a-z0-9-]+)/lambda/", self.headers["Authorization"])
            name = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", self.path)
            assert scope is not None
            assert name is not None
            try:
                function = functions.get(scope[1])
                if function is None or name[1] != "stack-place":
                    raise Refuse(404, "ResourceNotFoundException")
                self.answer(200, function(event))
            except Refuse as refusal:
                status, code = refusal.args
                self.answer(status, {"Message": f"no {name[1]}"}, {"x-amzn-ErrorType": code})
            except Crash as crash:
                self.answer(200, crash.args[0], {"X-Amz-Function-Error": "Unhandled"})

        def answer(self, status: int, payload: Any, headers: dict[str, str] | None = None) -> None:
            body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            self.send_response(status)
            for header, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
