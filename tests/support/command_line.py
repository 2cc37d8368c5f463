"""The command line in the tests' own process, where what it writes matters and not how a process begins or ends."""

import contextlib
import io
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from imapcheck.cli.app import main


def called(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> CompletedProcess[str]:
    """Exit status and output of `imapcheck ARGUMENTS`, which is no terminal; a start takes longer than the call."""
    words = list(map(str, arguments))
    output, error = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        mock.patch.dict("os.environ", environment or {}),
        mock.patch("sys.argv", ["imapcheck", *words]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(error),
    ):
        try:
            main()
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return CompletedProcess(words, status, output.getvalue(), error.getvalue())
