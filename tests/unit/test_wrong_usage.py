"""A call that no command takes ends with status 2, one line that says why, and nothing on standard output."""

from pathlib import Path

import pytest

from imapcheck.cli.app import _MODULES
from support.command_line import called


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("nope", "No such command 'nope'."),
        ("--nope", "No such option: --nope"),
        *((f"{command} --nope", "No such option: --nope") for command in _MODULES),
        ("schema x", "Got unexpected extra argument(s) (x)"),
        ("init a b c", "Got unexpected extra argument(s) (b c)"),
        ("validate", "Missing argument 'FILE...'."),
        ("run --every", "Option '--every' requires an argument."),
        ("run x.json --every soon", "Invalid value for --every: 'soon' is not a time"),
        ("summary x.jsonl --slo 101", "--slo 101.0: expected percent"),
    ],
)
def test_wrong_usage_is_a_line_and_status_2(call: str, says: str, tmp_path: Path) -> None:
    """Never an internal error with a traceback, which would be ours, and never a verdict on a server."""
    done = called(*call.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"Error: {says}")
    assert "internal error" not in done.stderr
