"""The tables of the documentation that are made from the package's rows.

    python -m support.doc_tables      (make docs)

A page holds `<!-- table: NAME -->`, the table and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from imapcheck.alarms.kinds import KINDS
from imapcheck.output.formats import FORMATS
from imapcheck.steps import STEPS, Need

DOCS = Path(__file__).parents[2] / "docs"
_NEEDS: dict[Need, str] = {"login": "a login", "tls": "TLS", "starttls": "`tls.mode: starttls`"}


def _steps() -> Iterable[str]:
    yield "| step | what the check sends | in checks with | if refused |"
    yield "|---|---|---|---|"
    for step in STEPS.values():
        needs = " and ".join(_NEEDS.get(need, f"`{need}`") for need in step.needs) or "every check"
        refused = "the check goes on" if step.optional else "not available"
        yield f"| `{step.name}` | {step.sends} | {needs} | {refused} |"


def _alarms() -> Iterable[str]:
    yield "| kind | in alarm when | first word of the message | of its end | metric |"
    yield "|---|---|---|---|---|"
    for kind in KINDS:
        metric = " or ".join(f"`{signal.metric}`, {signal.statistic}" for signal in kind.signals)
        yield f"| `{kind.name}` | {kind.in_short} | {kind.word} | {kind.word_at_end} | {metric} |"


def _formats() -> Iterable[str]:
    yield "| format | what |"
    yield "|---|---|"
    yield from (f"| `{format.name}` | {format.says} |" for format in FORMATS.values())


TABLES: dict[str, Callable[[], Iterable[str]]] = {"formats": _formats, "steps": _steps, "alarms": _alarms}


def documented(page: str) -> str:
    """A page with each of its tables made anew."""

    def made(match: re.Match[str]) -> str:
        return "\n".join([f"<!-- table: {match[1]} -->", *TABLES[match[1]](), "<!-- end -->"])

    return re.sub(r"<!-- table: ([a-z]+) -->\n.*?<!-- end -->", made, page, flags=re.DOTALL)


def pages() -> dict[Path, str]:
    """Every page that holds a table, and what it must be."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
    return {path: documented(text) for path, text in texts.items() if "<!-- table: " in text}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
