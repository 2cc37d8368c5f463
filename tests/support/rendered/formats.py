"""What `--format` writes for programs, for every run and for all of them at once."""

import re
from collections.abc import Callable

from imapcheck.asked import Asked
from imapcheck.output import junit, nagios, prometheus
from imapcheck.output.formats import FORMATS
from imapcheck.output.json_lines import json_object
from imapcheck.output.outcome import Outcome, worst_first
from imapcheck.version import VERSION
from support.full_results import available, refused
from support.leaves import leaves
from support.more_results import RUNS, crashed, fleet, not_run, outcome_of
from support.rendered.paper import sheet

EACH = {name: outcome_of(make(name)) for name, make in RUNS.items()} | {"not-run": not_run(), "crashed": crashed()}
BARE = Outcome("bare", available("bare"), asked=Asked(thresholds={"dns": 3.0}))


def nagios_lines() -> str:
    """Each check alone, then several: a line, the long text, the exit status."""
    many = [outcome_of(refused(f"mail-{number}")) for number in range(7)]
    calls = {name: [outcome] for name, outcome in EACH.items()} | {
        "without limits": [BARE],
        "several": fleet(),
        "all available": [EACH["available"], BARE],
        "seven down": many,
        "five down": many[:5],
        "none": [],
    }
    parts = []
    for title, outcomes in calls.items():
        text, status = nagios.render(outcomes)
        parts.append(
            sheet(f"{title}: exit status {status}", text.replace(" | ", " |\n    ").replace(" 'o", "\n    'o"))
        )
    return "".join(parts)


def prometheus_text() -> str:
    """No two checks have one name, as the command line sees to it."""
    return _side_by_side(prometheus.render([*EACH.values(), BARE]))


def _side_by_side(exposition: str) -> str:
    """Samples that differ by one label, and follow each other, in a line: `name{check="…"}: mail 1.0, office 0.0`."""
    lines: list[str] = []
    last = None
    for line in exposition.splitlines():
        sample = _SAMPLE.fullmatch(line)
        alike = (sample[1], sample[3]) if sample is not None else None
        if sample is not None and alike == last:
            lines[-1] += f", {sample[2]} {sample[4]}"
        else:
            lines.append(line if sample is None else f"{sample[1]}…{sample[3]}: {sample[2]} {sample[4]}")
        last = alike
    return "\n".join(lines) + "\n"


def prometheus_none() -> str:
    """Of nothing that ran."""
    return prometheus.render([not_run(), crashed()])


def junit_document() -> str:
    """A sheet for each test case; two of them have one name."""
    document = junit.render([*EACH.values(), *fleet()[-2:]])
    head, *cases = re.split(r"^(?=    <testcase)", document, flags=re.MULTILINE)
    return head + "".join(f"=== test case {number}\n{case}" for number, case in enumerate(cases, 1))


def junit_none() -> str:
    return junit.render([not_run()])


def json_objects() -> str:
    """The fields without the steps: the transcript where it failed, or where it was asked for."""
    parts = []
    alike = ("certificate-refused", "timed-out", "warned")  # to others, but for their names
    for title, outcome in EACH.items():
        for transcript in (False, True) if title not in alike else ():
            content = json_object(outcome, transcript=transcript)
            kept = {key: value for key, value in content.items() if title == "refused" or key in _TELLING}
            shown = leaves(kept).replace(VERSION, "VERSION")
            parts.append(sheet(f"{title}{', transcript' if transcript else ''}", shown))
    return "".join(parts)


def states() -> str:
    """The order of a table: worst first, and with a warning before without."""
    return "".join(f"{item.state} {item.check} {item.warned} {item.first_line}\n" for item in worst_first(fleet()))


def every_format() -> str:
    """A failed run and one that could not be run in each format of the registry: one without a scene of its own too."""
    outcomes = [EACH["unreachable"], not_run()]
    return "".join(
        sheet(f"{format.name}: exit status {status}", text)
        for format in FORMATS.values()
        if format.module is not None
        for text, status in (format.document(outcomes),)
    )


_SAMPLE = re.compile(r'(\w+\{.*")([^"]+)("\}) (\S+)')
_TELLING = ("schema", "check", "error", "available", "slow", "transcript")
SCENES: dict[str, Callable[[], str]] = {
    "nagios.txt": nagios_lines,
    "prometheus.txt": prometheus_text,
    "prometheus-none.txt": prometheus_none,
    "junit.txt": junit_document,
    "junit-none.txt": junit_none,
    "json.txt": json_objects,
    "states.txt": states,
    "every-format.txt": every_format,
}
