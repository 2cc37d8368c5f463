"""docs/images/report.png: the report of a refused login, as a browser shows it.

PYTHONPATH=tests python -m support.report_picture      (scripts/install-test-servers --browser first)
"""

import shutil
import subprocess
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from imapcheck.asked import Asked
from imapcheck.output.outcome import Outcome
from imapcheck.report.page import page
from imapcheck.result import CheckResult, StepResult
from imapcheck.trace import NOT_REACHED, total_ms
from support.full_results import TIMES, TLS, TRANSCRIPT, refused

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/images/report.png"
LATER = ("namespace", "list", "examine", "search", "fetch")


def result() -> CheckResult:
    """A login that the server refused, and nothing else."""
    run = refused("customer-mail")
    failure = run.failure
    assert failure is not None
    steps = [StepResult(name, "passed", took, None) for name, took in list(TIMES.items())[:5]]
    steps.append(StepResult("authenticate", "failed", 412.3, failure.detail))
    steps += [StepResult(name, "skipped", None, NOT_REACHED) for name in TIMES if name in LATER]
    steps.append(StepResult("logout", "passed", 18.4, None))
    return replace(
        run,
        attempts=1,
        earlier_failures=(),
        failures=(failure,),
        warnings=(),
        steps=tuple(steps),
        duration_ms=total_ms(steps),
        server=replace(run.server, tls=replace(TLS, certificate_names=("imap.example.com",))),
        quota=None,
        token_ms=None,
        transcript=(
            *TRANSCRIPT, f"S: A0002 {failure.detail.removeprefix('the server answered ')}",
            "C: A0003 LOGOUT", "S: * BYE see you", "S: A0003 OK done",
        ),
    )  # fmt: skip


def main() -> None:
    """Write the picture."""
    asked = Asked(
        server="imaps://imap.example.com:993/",
        runbook="https://wiki.example.com/imap",
        file="events/customer-mail.json",
        thresholds={"total": 2000},
    )
    html = page([Outcome("customer-mail", result(), asked=asked)], datetime(2026, 11, 24, 10, 12, 5, tzinfo=UTC))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html")
        file.write_text(html, encoding="utf-8")
        node, chromium = shutil.which("node"), shutil.which("chromium")
        assert node is not None, "node is not installed"
        assert chromium is not None, "chromium is not installed"
        script = ROOT / "tests/long/browser/picture.mjs"
        subprocess.run([node, script, chromium, file, PICTURE], check=True)


if __name__ == "__main__":
    main()
