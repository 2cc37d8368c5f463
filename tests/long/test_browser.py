"""Report and widget in a real browser: light and dark, on a phone and on a wall; axe-core looks too."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imapcheck.asked import Asked
from imapcheck.month.calendar import Month
from imapcheck.month.page import month_page
from imapcheck.output.outcome import Outcome
from imapcheck.report.page import page, run_fragment
from imapcheck.report.widget import CheckRow, Choice, checks_widget
from imapcheck.result import CheckResult
from support.full_results import available, refused, slow
from support.month_scene import a_month

pytestmark = pytest.mark.long

BROWSER = Path(__file__).parent / "browser"
NOW = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
ASKED = Asked(
    "imaps://imap.example.com:993/",
    "events/mail.json",
    runbook="https://wiki.example/",
    thresholds={"total": 1500, "search": 500},
)
LONG = "the server answered NO " + "WithoutAnySpaceInIt" * 20
PLANTED = """
<script>window.planted = 1</script>
<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" onload="window.planted = 2">
<style>body.imapcheck { background: rgb(1, 2, 3) }</style>
"""

type Look = Callable[[str], dict[str, Any]]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Open a page in the browser; what it found, with the screenshots beside the page."""
    chromium, node = shutil.which("chromium"), shutil.which("node")
    if chromium is None or node is None or not (BROWSER / "node_modules/axe-core").is_dir():
        reason = "scripts/install-test-servers --browser has not installed chromium, node and axe-core"
        if os.environ.get("CI") or os.environ.get("IMAPCHECK_REQUIRE_SERVERS"):
            pytest.fail(reason)
        pytest.skip(reason)

    def open_(html: str) -> dict[str, Any]:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        done = subprocess.run(
            [node, BROWSER / "look.mjs", chromium, file, tmp_path],
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return open_


def outcome(result: CheckResult) -> Outcome:
    return Outcome(result.check or "", result, asked=ASKED)


def fleet() -> list[Outcome]:
    """Nine checks: one whose login is refused with words that have no space, a slow one, one that did not run."""
    failure = refused().failure
    assert failure is not None
    long = replace(failure, detail=LONG)
    return [
        outcome(replace(refused("a-check-with-rather-a-long-name"), failure=long, failures=(long,))),
        outcome(refused("mail")),
        outcome(slow("slow")),
        Outcome("broken", error=f"events/broken.json: {LONG}", asked=ASKED),
        *(outcome(available(f"customer-{number}")) for number in range(5)),
    ]


def dashboard(*, dark: bool) -> str:
    """The widget as it lies in a page of the console's."""
    rows = [
        CheckRow(
            check=outcome.check, state=outcome.state, outcome=outcome, ran_at=NOW, percent=99.31, down_since=NOW,
            failed_at=NOW, open_last={"run": outcome.check}, open_failure={"run": outcome.check},
        )
        for outcome in fleet()
        if outcome.error is None
    ]  # fmt: skip
    rows.append(CheckRow("silent", "not_run", None))
    table = checks_widget(rows, ["A note."], Choice(), endpoint="arn", now=NOW + timedelta(minutes=5), dark=dark)
    return console_page(table, dark=dark)


def console_page(widget: str, *, dark: bool) -> str:
    back, text = ("#0d1117", "#fff") if dark else ("#fff", "#000")
    style = f"<style>body {{ margin: 0; background: {back}; color: {text} }}</style>"
    head = f"<head><title>Dashboard</title><meta charset=utf-8>{style}</head>"
    return f"<!doctype html><html lang=en>{head}<body><main><h1>Dashboard</h1>{widget}</main></body></html>"


PAGES = {
    "failed": lambda: page([outcome(refused())], NOW),
    "slow": lambda: page([outcome(slow())], NOW),
    "fleet": lambda: page(fleet(), NOW),
    "month": lambda: month_page(Month(2026, 11), [a_month(), a_month("customer-mail-archive"), a_month("a")], [], NOW),
}


@pytest.mark.parametrize("name", PAGES)
def test_report(name: str, look: Look, tmp_path: Path) -> None:
    """axe-core finds nothing, nothing is cut off, nothing is fetched, nothing is refused by its own policy."""
    found = look(PAGES[name]())
    for view in found["views"]:
        assert view["violations"] == []
        assert view["passes"] > 20
        assert view["refused"] == []
        assert not view["overflow"], view["width"]
        assert view["broken"] == [], view["width"]
    colours = {view["colorScheme"]: view["background"] for view in found["views"]}
    assert colours["light"] == found["print"] == "rgb(255, 255, 255)"
    assert colours["dark"] != colours["light"]
    assert set(found["requests"]) == {(tmp_path / "page.html").as_uri()}
    assert (tmp_path / "print.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["table", "run"])
def test_widget(name: str, dark: bool, look: Look) -> None:
    """In either theme, whatever the reader's system prefers."""
    html = dashboard(dark=dark) if name == "table" else console_page(run_fragment(fleet()[0], dark=dark), dark=dark)
    for view in look(html)["views"]:
        assert view["violations"] == []
        assert view["passes"] > 15
        assert not view["overflow"], view["width"]
        assert view["broken"] == [], view["width"]


def test_the_keyboard_reaches_what_can_be_used(look: Look) -> None:
    """The failing line, the runbook, the JSON: and not each of 200 line numbers."""
    assert look(PAGES["failed"]())["keyboard"] == ["A#L6", "Ahttps://wiki.example/", "SUMMARY"]


def test_the_policy_blocks_what_is_planted(look: Look) -> None:
    """A script, a handler, an image and a style sheet; without the policy each of them works."""
    html = PAGES["failed"]()
    guarded = html.replace("</body>", f"{PLANTED}</body>")
    policy = html[html.index("<meta http-equiv") : html.index('<meta name="viewport')]
    for view in look(guarded)["views"]:
        assert (view["planted"], view["images"]) == (None, 0)
        assert view["background"] != "rgb(1, 2, 3)"
        assert len([text for text in view["refused"] if "Content Security Policy" in text]) >= 3
    for view in look(guarded.replace(policy, ""))["views"]:
        assert (view["planted"], view["images"], view["background"]) == (2, 1, "rgb(1, 2, 3)")
