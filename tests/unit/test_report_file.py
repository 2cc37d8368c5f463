"""`imapcheck run --html FILE` as its users call it: the file is whole or not there, and its problems are exit 2."""

import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imapcheck.cli.report_file import ReportFileError, report_file
from support.certificates import Certificates
from support.command_line import called
from support.dovecot import PASSWORD
from support.wire_server import Dialect, WireServer

type Write = Callable[[str, dict[str, Any]], Path]


def imapcheck(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command; the login is in its environment."""
    return called(*arguments, cwd=Path(), environment={"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD})


@pytest.fixture
def checks(server_context: Any, certificates: Certificates, write_definition: Write) -> Any:
    """Two checks of two servers, of which one refuses the login, and a file that is none."""
    with (
        WireServer(tls=server_context) as good,
        WireServer(Dialect(password="another"), tls=server_context) as bad,
    ):
        tls = {"ca_file": str(certificates.ca)}
        yield [
            write_definition("good", {"server": f"imaps://localhost:{good.port}/", "tls": tls, "search": "IMAP"}),
            write_definition("bad", {"server": f"imaps://localhost:{bad.port}/", "tls": tls}),
            write_definition("broken", {"serve": "x"}),
        ]


def test_one_check(checks: list[Path], tmp_path: Path) -> None:
    """The report beside what the terminal shows; the verdict's status stays; no secret is in it."""
    target = tmp_path / "report.html"
    done = imapcheck("run", checks[1], "--html", target)
    assert done.returncode == 1, done.stderr
    assert "NOT AVAILABLE" in done.stdout
    text = target.read_text()
    assert "authentication_failed" in text
    assert "AUTHENTICATE PLAIN ********" in text
    assert PASSWORD not in text
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.html"]


def test_many_checks_and_one_that_could_not_be_run(checks: list[Path], tmp_path: Path) -> None:
    """All of them are in it, and stdout is what it was."""
    target = tmp_path / "report.html"
    target.write_text("an older report")
    done = imapcheck("run", *checks, "--json", "--html", target)
    assert done.returncode == 2
    assert [json.loads(line)["check"] for line in done.stdout.splitlines() if '"run_id"' in line] == ["good", "bad"]
    text = target.read_text()
    assert "1 not available; 1 could not be run; 1 available" in text
    assert "broken.json: serve: " in text


@pytest.mark.parametrize(("place", "words"), [("no/such/r.html", "no such file"), ("", "is a folder")])
def test_a_place_that_cannot_be_is_told_before_a_check_runs(
    place: str, words: str, checks: list[Path], tmp_path: Path
) -> None:
    """Exit 2, one line, and no server was asked."""
    done = imapcheck("run", checks[0], "--html", tmp_path / place)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_end_before_the_report_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing half written."""
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), report_file(target):
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_goes_wrong_meanwhile_is_not_the_reports_fault(tmp_path: Path) -> None:
    """A reader of standard output that has gone is no problem of the file."""
    with pytest.raises(BrokenPipeError), report_file(tmp_path / "r.html"):
        raise BrokenPipeError
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    """Neither is replaced by a file; nor would a device be, but a test that may fail leaves those alone."""
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    link.symlink_to(real)
    with report_file(link) as write:
        write("report ✗")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "report ✗"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        with report_file(pipe) as write:
            write("report")
        assert pipe.is_fifo()
        assert os.read(reader, 100) == b"report"
    finally:
        os.close(reader)


def test_the_users_umask_decides_who_reads_it(tmp_path: Path) -> None:
    """A report is for others: not 0600, as a temporary file would be."""
    before = os.umask(0o022)
    try:
        with report_file(tmp_path / "r.html") as write:
            write("x")
    finally:
        os.umask(before)
    assert (tmp_path / "r.html").stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """Like a full disk: the system takes no more octets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "report.html"
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    try:
        with pytest.raises(ReportFileError, match=r"report\.html: file too large"), report_file(path) as write:
            write("report")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_report_keeps_the_rights_of_the_one_that_it_replaces(tmp_path: Path, mode: int) -> None:
    """Who made it private does not want everybody to read the next one."""
    report = tmp_path / "report.html"
    report.write_text("before")
    report.chmod(mode)
    with report_file(report) as write:
        write("after")
    assert report.read_text() == "after"
    assert report.stat().st_mode & 0o777 == mode
