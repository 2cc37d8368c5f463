"""What `--format` writes for programs, for every run and for all of them at once."""

import json
from collections.abc import Callable

from imapcheck.asked import Asked
from imapcheck.output import junit, nagios, prometheus
from imapcheck.output.formats import FORMATS
from imapcheck.output.json_lines import json_object
from imapcheck.output.outcome import Outcome, worst_first
from imapcheck.version import VERSION
from support.full_results import available, refused
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
    return prometheus.render([*EACH.values(), BARE])


def prometheus_none() -> str:
    """Of nothing that ran."""
    return prometheus.render([not_run(), crashed()])


def junit_document() -> str:
    return junit.render([*EACH.values(), *fleet()])


def junit_none() -> str:
    return junit.render([not_run()])


def json_objects() -> str:
    """The fields without the steps: the transcript where it failed, or where it was asked for."""
    parts = []
    for title, outcome in EACH.items():
        for transcript in (False, True):
            content = json_object(outcome, transcript=transcript)
            kept = {key: value for key, value in content.items() if title == "refused" or key in _TELLING}
            parts.append(
                sheet(
                    f"{title}{', transcript' if transcript else ''}",
                    json.dumps(kept, indent=1).replace(VERSION, "VERSION"),
                )
            )
    return "".join(parts)


def states() -> str:
    """The order of a table: worst first, and with a warning before without."""
    return "".join(f"{item.state} {item.check} {item.warned} {item.first_line}\n" for item in worst_first(fleet()))


def every_format() -> str:
    """A failed run and one that could not be run in each format of the registry: one without a scene of its own too."""
    outcomes = [EACH["refused"], not_run()]
    return "".join(
        sheet(f"{format.name}: exit status {status}", text)
        for format in FORMATS.values()
        if format.module is not None
        for text, status in (format.document(outcomes),)
    )


_TELLING = ("schema", "check", "error", "available", "slow", "transcript")
SCENES: dict[str, Callable[[], str]] = {
    "nagios.txt": nagios_lines,
    "prometheus.txt": prometheus_text,
    "prometheus-none.txt": prometheus_none,
    "junit.xml": junit_document,
    "junit-none.xml": junit_none,
    "json.txt": json_objects,
    "states.txt": states,
    "every-format.txt": every_format,
}
