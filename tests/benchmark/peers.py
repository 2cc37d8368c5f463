"""8. The peers against the same Dovecot in the same run: what each reports, and how long it takes."""

import contextlib
import shutil
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.overhead import TERM, definition, fill
from benchmark.tables import table
from imapcheck import Credentials, run_check
from support.certificates import Certificates
from support.dovecot import PASSWORD, Dovecot

TIMES = 5
NO_SUCH = "no such needle"
MODULE = """  {name}:
    prober: tcp
    timeout: 5s
    tcp:
      tls: true
      tls_config: {{ca_file: {ca}, server_name: localhost}}
      query_response:
        - expect: "^. OK"
        - send: "a LOGIN monitor {password}"
        - expect: "^a OK"
        - send: "b EXAMINE INBOX"
        - expect: "^b OK"
        - send: 'c UID SEARCH SUBJECT "{term}"'
        - expect: "^. SEARCH [0-9]"
        - send: "d LOGOUT"
"""
CASES = {"well": (PASSWORD, TERM), "wrong password": ("wr0ng", TERM), "nothing found": (PASSWORD, NO_SUCH)}

type Ask = Callable[[str], str]


@dataclass(frozen=True)
class Peer:
    """A peer that is here: how it is asked about a case of `CASES`, and what it cannot tell."""

    name: str
    cannot: str
    ask: Ask


def ours(certificates: Certificates, port: int) -> Peer:
    def ask(case: str) -> str:
        password, term = CASES[case]
        check = definition("localhost", port, str(certificates.ca)).model_copy(update={"new_message": None})
        assert check.search is not None
        check = check.model_copy(update={"search": check.search.model_copy(update={"subject": [term]})})
        result = run_check(check, Credentials.model_validate({"username": "monitor", "password": password}))
        if result.failure is not None:
            return f"{result.failure.step}: {result.failure.type} ({result.failure.detail})"
        return f"available; {len(result.steps)} steps timed, certificate, transcript"

    return Peer("imapcheck (in process)", "", ask)


def curl(certificates: Certificates, port: int) -> Peer:
    def ask(case: str) -> str:
        password, term = CASES[case]
        words = [
            "curl",
            "-sS",
            "--cacert",
            str(certificates.ca),
            "-u",
            f"monitor:{password}",
            f"imaps://localhost:{port}/INBOX",
        ]
        return said(
            [
                *words,
                "-X",
                f'UID SEARCH SUBJECT "{term}"',
                "-w",
                "connect %{time_connect} tls %{time_appconnect} total %{time_total}",
            ]
        )

    return Peer(
        "curl (one command a call)",
        "login apart from the search; what filing a message would do; no verdict where nothing is found",
        ask,
    )


def check_imap_receive(certificates: Certificates, port: int) -> Peer:
    program = "/usr/lib/nagios/plugins/check_imap_receive"

    def ask(case: str) -> str:
        password, term = CASES[case]
        words = [
            program,
            "-H",
            "localhost",
            "-p",
            str(port),
            "--ssl",
            "--ssl-ca-file",
            str(certificates.ca),
            "-U",
            "monitor",
            "-P",
            password,
        ]
        return said([*words, "-s", "SUBJECT", "-s", term, "--nodelete", "--search-critical-min", "1"])

    return Peer(
        "check_imap_receive", "which step; fractions of a second; and it deletes what it finds unless told not to", ask
    )


@contextlib.contextmanager
def blackbox(certificates: Certificates, port: int, folder: Path) -> Iterator[Peer]:
    """The exporter with a module a case; its start is not timed."""
    program = shutil.which("prometheus-blackbox-exporter") or "blackbox_exporter"
    modules = "".join(
        MODULE.format(name=case.replace(" ", "_"), ca=certificates.ca, password=password, term=term)
        for case, (password, term) in CASES.items()
    )
    (folder / "blackbox.yml").write_text("modules:\n" + modules)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    words = [program, f"--config.file={folder / 'blackbox.yml'}", f"--web.listen-address=127.0.0.1:{own}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(case: str) -> str:
        url = f"http://127.0.0.1:{own}/probe?module={case.replace(' ', '_')}&target=localhost:{port}"
        with urllib.request.urlopen(url, timeout=10) as response:
            lines = response.read().decode().splitlines()
        wanted = ("probe_success", "probe_duration_seconds", "probe_failed_due_to_regex")
        return ", ".join(line for line in lines if line.startswith(wanted))

    try:
        for _ in range(100):
            try:
                ask("well")
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        yield Peer(
            "blackbox_exporter (LOGIN, EXAMINE, SEARCH)",
            "which step, and why; its only times are DNS's and the whole",
            ask,
        )
    finally:
        process.kill()
        process.wait()


def said(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return f"status {done.returncode}: " + " ".join(filter(None, (done.stdout.strip(), done.stderr.strip())))


def peers(certificates: Certificates, folder: Path) -> list[str]:
    absent = []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Dovecot(certificates))
        fill("127.0.0.1", server.imaps, str(certificates.ca))
        here = [ours(certificates, server.imaps)]
        if shutil.which("prometheus-blackbox-exporter"):
            here.append(stack.enter_context(blackbox(certificates, server.imaps, folder)))
        else:
            absent.append("blackbox_exporter (prometheus-blackbox-exporter)")
        for program, make in (("curl", curl), ("/usr/lib/nagios/plugins/check_imap_receive", check_imap_receive)):
            if shutil.which(program):
                here.append(make(certificates, server.imaps))
            else:
                absent.append(Path(program).name)
        rows = [row for peer in here for row in rows_of(peer)]
    return [
        "## 8. Peers, the same Dovecot, the same run",
        "",
        f"Each logs in, opens INBOX and searches. ms are from the question to the answer, where all is well the median of {TIMES}; Dovecot delays",
        "the answer to a wrong password. What they say is quoted.",
        *([f"Not installed here: {', '.join(absent)}."] if absent else []),
        "",
        *table("peer | case | ms | what it reports", rows),
        *(f"- {peer.name} cannot tell {peer.cannot}." for peer in here if peer.cannot),
        "",
    ]


def rows_of(peer: Peer) -> list[list[object]]:
    rows: list[list[object]] = []
    for case in CASES:
        times, words = [], ""
        for _ in range(TIMES if case == "well" else 1):
            started = time.perf_counter()
            words = peer.ask(case)
            times.append((time.perf_counter() - started) * 1000)
        quoted = " ".join(words.split()).replace("|", "\\|").replace("`", "'")[:150]
        rows.append([peer.name, case, f"{statistics.median(times):.0f}", f"`{quoted}`"])
    return rows
