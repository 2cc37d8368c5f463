"""`imapcheck demo`: a full check against an IMAP server in this very process.

pymap serves, over TLS from an authority made for the occasion; nothing leaves the machine.
"""

import asyncio
import contextlib
import ssl
import sys
import tempfile
import threading
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from rich.console import Console

from imapcheck.check.run import run_check
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.plain import plain
from imapcheck.login.credentials import Credentials
from imapcheck.output.outcome import Outcome
from imapcheck.output.terminal.screens import OneCheckScreen, console_for
from imapcheck.result import CheckResult

USERNAME, PASSWORD = "demo", "correct horse battery"
_START_SECONDS = 15
_ANNOUNCEMENT = "Starting an IMAP server in this process (pymap) and checking it: nothing leaves this machine."


def run_demo(console: Console | None = None) -> int:
    """Serve, check, show; returns 0 if the check found the server available, else 1."""
    console = console or console_for()
    console.print(_ANNOUNCEMENT, soft_wrap=True)
    screen = OneCheckScreen(transcript=True, console=console)
    with tempfile.TemporaryDirectory(prefix="imapcheck-demo-") as directory:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(Path(directory, "ca.pem")))
        with embedded_server(authority) as port:
            definition = demo_definition(port, directory)
            result = run_check(definition, demo_credentials(), hooks=screen.hooks("demo"))
    screen.result(Outcome("demo", result, asked=plain(definition)))
    _show_metrics(console, result, definition)
    return 0 if result.available else 1


def demo_definition(port: int, directory: str) -> CheckDefinition:
    """The demo's check: everything a definition can ask pymap for."""
    return CheckDefinition.model_validate(
        {
            "name": "demo",
            "server": f"imaps://localhost:{port}/",
            "search": "important",
            "new_message": {
                "from": "Demo Check <demo@example.com>",
                "to": ["bob@example.com"],
                "subject": "IMAP testing",
                "message": "Sent by the demo.\n",
                "keep_for": "1d",
            },
            "tls": {"ca_file": "ca.pem"},
        },
        context={"directory": directory},
    )


def demo_credentials() -> Credentials:
    """The one user of the embedded server."""
    return Credentials.model_validate({"username": USERNAME, "password": PASSWORD, "host": "localhost"})


@contextlib.contextmanager
def embedded_server(authority: trustme.CA) -> Iterator[int]:
    """pymap with its demo mailboxes behind TLS on a free port of localhost; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=90)).configure_cert(context)
    server = _EmbeddedServer(context)
    server.start()
    try:
        yield server.port()
    finally:
        server.stop()


class _EmbeddedServer(threading.Thread):
    """An event loop of its own, so that the check's blocking sockets do not wait for themselves."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(name="embedded IMAP server", daemon=True)
        self._context = context
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._port: int | None = None
        self._error: BaseException | None = None

    def port(self) -> int:
        """The port, once it is open."""
        if not self._ready.wait(_START_SECONDS) or self._port is None:
            raise RuntimeError("the embedded IMAP server did not start") from self._error
        return self._port

    def stop(self) -> None:
        if self._loop is not None and self._ending is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
        self.join(_START_SECONDS)

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - handed over to the thread that waits in port()
            self._error = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        from proxyprotocol.reader import ProxyProtocolReader
        from pymap.backend.dict import DictBackend
        from pymap.imap import IMAPServer

        backend, config = await DictBackend.init(_pymap_arguments())
        config.apply_context()
        async with contextlib.AsyncExitStack() as stack:
            await backend.start(stack)
            imap = IMAPServer(backend.login, config)
            connections: set[asyncio.Task[None] | None] = set()

            async def serve(*connection: Any) -> None:
                # The reader below lets its tasks go: the garbage collector would end a session in the middle.
                connections.add(asyncio.current_task())
                try:
                    await imap(*connection)
                finally:
                    connections.discard(asyncio.current_task())

            accept = ProxyProtocolReader(config.proxy_protocol).get_callback(serve)
            listener = await asyncio.start_server(accept, "localhost", 0, ssl=self._context)
            self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
            self._port = listener.sockets[0].getsockname()[1]
            self._ready.set()
            await self._ending.wait()
            if sys.version_info >= (3, 13):  # before, the loop's end cancels what is left
                listener.close_clients()
            listener.close()


def _pymap_arguments() -> Namespace:
    return Namespace(
        debug=False, host="localhost", port=0, cert=None, key=None, tls=False, proxy_protocol=None,
        inherited_sockets=None, passlib_cfg=None, demo_data=True, demo_user=USERNAME, demo_password=PASSWORD,
    )  # fmt: skip


def _show_metrics(console: Console, result: CheckResult, definition: CheckDefinition) -> None:
    """The metrics that the Lambda would publish for this very result."""
    from imapcheck.aws.metrics import metrics_of

    console.print("\nthe metrics the Lambda would publish (namespace ImapCheck/STACK):", soft_wrap=True)
    for metric in metrics_of(result, definition):
        dimensions = ", ".join(f"{name}={value}" for name, value in metric.dimensions.items())
        console.print(f"  {metric.name:<26} {metric.value:>12g} {metric.unit:<13} {dimensions}", soft_wrap=True)
