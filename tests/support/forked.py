"""The command line in a process of its own, forked from one that has loaded it: a start takes longer than most calls.

Environment, folder, streams and exit status are the call's own. How a process starts is not seen here: the locale, a
stream that is closed, what is imported when.
"""

import atexit
import functools
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

_LONGEST = 60
_MESSAGE = 1 << 17  # more than any request has
_lock = threading.Lock()


def imapcheck(
    *arguments: str | Path,
    environment: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    stdin: str = "",
    stdout: int | None = None,
) -> CompletedProcess[str]:
    """Run `imapcheck ARGUMENTS` with this environment and no other; `stdout` is a descriptor to write to.

    Raises subprocess.TimeoutExpired after a minute.
    """
    words = list(map(str, arguments))
    request = {"arguments": words, "environment": dict(environment), "cwd": str(cwd or Path.cwd())}
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error:
        given.write(stdin.encode())
        given.seek(0)
        streams = [given.fileno(), output.fileno() if stdout is None else stdout, error.fileno()]
        with _lock:
            server = _server()
            socket.send_fds(server, [json.dumps(request).encode()], streams)
            status = int(server.recv(_MESSAGE))
        if status == -signal.SIGALRM:
            raise subprocess.TimeoutExpired(words, _LONGEST)
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (output, error)]
    return CompletedProcess(words, status, *texts)


@functools.cache
def _server() -> socket.socket:
    """The way to the process that forks. It ends with its socket, so with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen([sys.executable, "-P", __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()])

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(connection: socket.socket) -> None:
    """Fork for each request, and answer with the exit status."""
    from imapcheck.cli.app import _MODULES, main

    for module in _MODULES.values():
        import_module(module)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, streams, *_ = socket.recv_fds(connection, _MESSAGE, 3)
        if not message:
            return
        child = os.fork()
        if child == 0:
            connection.close()
            _become(json.loads(message), streams)
            main()
        for stream in streams:
            os.close(stream)
        connection.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _become(request: Mapping[str, Any], streams: list[int]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(_LONGEST)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv = ["imapcheck", *request["arguments"]]


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
