"""What the Lambda's unit of work adds to `run_check` itself, warm, in one process.

    PYTHONPATH=tests .venv/bin/python -m benchmark.handler_overhead

Both run the same definition against the same server of ours, in turn; the medians' difference is what event,
definition, cached credentials, metrics and log line cost.
"""

import contextlib
import importlib.util
import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from imapcheck import run_check
from imapcheck.definition.files import load_definition
from support.wire_server import WireServer

ROUNDS = 100
TARGET_MS = 5.0


def load_handler(definitions: Path) -> Any:
    """The handler module, in an environment that points to `definitions`."""
    os.environ |= {"IMAPCHECK_DEFINITIONS": str(definitions), "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true"}
    path = Path(__file__).parents[2] / "functions/run_check/handler.py"
    spec = importlib.util.spec_from_file_location("handler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(server: WireServer, folder: Path) -> tuple[float, float]:
    """(median of `run_check`, median of the handler) in milliseconds, taken alternately."""
    file = folder / "bench.json"
    file.write_text(
        json.dumps({"server": f"localhost:{server.port}", "authentication": "none", "tls": {"mode": "none"}})
    )
    definition = load_definition(file)
    context = SimpleNamespace(aws_request_id="bench", get_remaining_time_in_millis=lambda: 150_000)
    plain, handled = [], []
    with contextlib.redirect_stdout(io.StringIO()):
        handler = load_handler(folder)  # its logger keeps the stdout it finds
        for round_number in range(ROUNDS + 5):
            started = time.perf_counter()
            run_check(definition)
            between = time.perf_counter()
            handler.handler({"check": "bench"}, context)
            ended = time.perf_counter()
            if round_number >= 5:  # the first ones warm up
                plain.append((between - started) * 1000)
                handled.append((ended - between) * 1000)
    return statistics.median(plain), statistics.median(handled)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, WireServer() as server:
        plain, handled = measure(server, Path(folder))
    print(
        f"run_check {plain:.2f} ms, handler {handled:.2f} ms: {handled - plain:+.2f} ms (target under {TARGET_MS:g} ms)"
    )


if __name__ == "__main__":
    main()
