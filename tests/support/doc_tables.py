"""The tables of the documentation that are made from the package's rows.

    python -m support.doc_tables      (make docs)

A page holds `<!-- table: NAME -->`, the table and `<!-- end -->`.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

from imapcheck.alarms.kinds import KINDS
from imapcheck.aws.metrics import MONITOR_ERRORS
from imapcheck.measures import MEASURES, MetricSet
from imapcheck.output import prometheus
from imapcheck.output.formats import FORMATS
from imapcheck.steps import STEPS, Need

DOCS = Path(__file__).parents[2] / "docs"
_UNITS = {"": "", "s": " In seconds.", "B": " In bytes.", "%": " In percent."}
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


def _metrics() -> Iterable[str]:
    """Those of `measures`, set by set, then the two that are no measure of a run."""
    rows = [
        (
            measure.set,
            f"| `{measure.cloudwatch[0]}` | {measure.cloudwatch[1]} | Check | {measure.set} | {measure.published} |",
        )
        for measure in MEASURES
        if measure.cloudwatch is not None
    ]
    timed = ", ".join(step.name for step in STEPS.values() if step.main)
    yield "| metric | unit | dimensions | set | published |"
    yield "|---|---|---|---|---|"
    yield from (row for wanted in get_args(MetricSet) for belongs, row in rows if belongs == wanted)
    timed = f"{timed}, if passed; with `all` every step"
    yield f"| `StepDuration` | Milliseconds | Check, Step | steps | {timed} |"
    raised = "an invocation raised: the monitor failed, not the mail server; 1 each"
    yield f"| `{MONITOR_ERRORS}` | Count | none | alarms | {raised} |"


def _prometheus() -> Iterable[str]:
    yield "| metric | what |"
    yield "|---|---|"
    for name, says, labels, _ in prometheus.METRICS:
        yield f"| `{name}{{{','.join(labels)}}}` | {says} |" if labels else f"| `{name}` | {says} |"


def _nagios() -> Iterable[str]:
    yield "| label | what |"
    yield "|---|---|"
    yield "| `total`, each step | the duration in seconds, with the definition's threshold as the warning range |"
    for measure in MEASURES:
        if measure.nagios is not None:
            label, unit = measure.nagios
            yield f"| `{label}` | {measure.says}{_UNITS[unit]} |"


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "formats": _formats,
    "steps": _steps,
    "alarms": _alarms,
    "metrics": _metrics,
    "prometheus": _prometheus,
    "nagios": _nagios,
}


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
