"""Lambda without Lambda: the built artifact under awslambdaric, fed by a small Runtime API of ours.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

# What AWS's own python3.13 runtime brings along, besides the runtime client itself.
_RUNTIME_PACKAGES = (
    *("awslambdaric", "snapshot_restore_py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "dateutil", "six", "urllib3", "jmespath"),
)


@dataclass(frozen=True)
class Reply:
    """What an invocation returned, or the error it ended with."""

    result: Any
    error: dict[str, Any] | None


@dataclass
class LambdaEnvironment:
    """One execution environment: start it, invoke it, read what it printed."""

    artifact: Path
    directory: Path
    variables: dict[str, str] = field(default_factory=dict)
    function: str = "RunCheckFunction"
    handler: str = "handler.handler"
    timeout: float = 180.0

    def __enter__(self) -> Self:
        self._events: queue.Queue[tuple[str, bytes, float]] = queue.Queue()
        self._replies: queue.Queue[Reply] = queue.Queue()
        self._asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self._output = (self.directory / "output").open("w+b")
        self._process = subprocess.Popen(
            # -S: no site-packages, so that nothing of the developer's environment is importable.
            [Path(sys.base_prefix) / "bin/python3.13", "-S", "-m", "awslambdaric", self.handler],
            cwd=self.artifact / self.function,
            env=self._environment(),
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        return self

    @property
    def process(self) -> int:
        """The process that Lambda would run."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Until INIT is over: the runtime asks for its first event."""
        if not self._asked.wait(60):
            raise AssertionError(f"not ready; output: {self.output()}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(10)
        self._server.shutdown()
        self._server.server_close()
        self._output.close()

    def invoke(self, event: object, *, timeout: float | None = None) -> Reply:
        """Hand over an event and wait for the reply; `timeout` is what Lambda would have left, in seconds."""
        seconds = self.timeout if timeout is None else timeout
        self._events.put((f"request-{time.monotonic_ns()}", json.dumps(event).encode(), time.time() + seconds))
        try:
            return self._replies.get(timeout=seconds + 5)
        except queue.Empty:
            raise AssertionError(f"no reply; output: {self.output()}") from None

    def output(self) -> str:
        """Everything printed so far: logs, metrics, tracebacks."""
        return (self.directory / "output").read_text(encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        layers = [self.artifact / name / "python" for name in ("ImapcheckLayer", "DependenciesLayer")]
        path = [self.artifact / self.function, *layers, runtime_packages(self.directory)]
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "LAMBDA_TASK_ROOT": str(self.artifact / self.function),
            "_HANDLER": self.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": "imapcheck",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": "imapcheck",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            **self.variables,
        }


def runtime_packages(directory: Path) -> Path:
    """A folder with the packages of AWS's runtime and no others."""
    runtime = directory / "runtime"
    runtime.mkdir(exist_ok=True)
    for name in (*_RUNTIME_PACKAGES, "runtime_client"):
        spec = importlib.util.find_spec(name)
        assert spec is not None, name
        assert spec.origin is not None, name
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        if not (link := runtime / source.name).exists():
            link.symlink_to(source)
    return runtime


def _handler_for(environment: LambdaEnvironment) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            environment._asked.set()
            request, body, deadline = environment._events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int(deadline * 1000)))
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:x"
            )
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
            failed = self.path.endswith("/error")
            environment._replies.put(Reply(None if failed else content, content if failed else None))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The tests read what matters."""

    return RuntimeApi
