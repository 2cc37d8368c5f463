"""4. Cold start: the import of the built artifact's handlers in a bare interpreter."""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmark import lambda_cpu
from benchmark.tables import not_measured, table
from support import artifact
from support.certificates import Certificates
from support.templates import load_template

TITLE = "4. Cold start"
TIMED = "import time; s = time.perf_counter(); exec({what!r}); print((time.perf_counter() - s) * 1000)"
FLOOR = "from aws_lambda_powertools import Logger, Metrics; import pydantic, imapclient"
CASES = {
    "the four libraries imported": FLOOR,
    "and a pydantic model of one field": f"{FLOOR}\nclass One(pydantic.BaseModel):\n    field: int",
    "handler": "import handler",
}
PLACE = "RunCheckFunction as a place"
FUNCTIONS = ("RunCheckFunction", PLACE, "ExplainAlarmFunction", "ShowChecksFunction", "SendReportsFunction")
VALUES = {
    "IMAPCHECK_DEFINITIONS": str(artifact.ROOT / "events"),
    "IMAPCHECK_ALLOW_INLINE_DEFINITIONS": "false",
    "IMAPCHECK_LOG_GROUP": "log-group",
    "IMAPCHECK_DASHBOARD_URL": "https://example.com/",
}
"""Of the variables that the template sets; the others are names and ARNs of topics, which only have to be there."""


def cold_start(built: Path | None, folder: Path, certificates: Certificates) -> list[str]:
    """`built` has bytecode; it is measured before that too."""
    if built is None:
        return not_measured(TITLE, "SAM CLI's environment is missing")
    bare = artifact.build(_new(folder / "source"), bytecode=False)
    rows, times = [], {}
    for name, place, runs in (("`sam build` alone", bare, 5), ("`make build`, with bytecode", built, 10)):
        times = imports(place, runs)
        floor, modelled, handler = times.values()
        rows.append(
            [name, *(f"{case:.0f}" for case in times.values()), f"{handler / floor:.2f}", f"{handler / modelled:.2f}"]
        )
    size = sum(path.stat().st_size for path in (built / "DependenciesLayer").rglob("*") if path.is_file())
    unpacked = sum(path.stat().st_size for path in (bare / "DependenciesLayer").rglob("*") if path.is_file())
    without = times["handler"]
    starts = [[name, f"{taken:.0f}"] for name, taken in functions(built, folder, certificates).items()]
    return [
        f"## {TITLE}",
        "",
        "Import of the built artifact in a bare interpreter (`-S`, nothing is written), ms. The libraries are Powertools Logger and",
        "Metrics, pydantic and imapclient: the floor. Target: 1.15 x. `import pydantic` loads little of pydantic, its first model",
        "the rest, and there is no check definition without one. A layer cannot be written to, so that without bytecode in it every",
        "cold start compiles what it imports: `make build` adds it.",
        "",
        *table("artifact | " + " | ".join(times) + " | to the libraries | to libraries and model", rows),
        profile(built),
        "To build the models when the first event comes would hide most of this from the figure and make it slower: INIT has the",
        "whole processor, the first invocation only its share.",
        "",
        "All functions as they are deployed, with the definitions of `events/`, bytecode, and boto3 from the runtime: `import handler` in ms,",
        "median of 10, AWS played by moto behind TLS. Each makes boto3's clients at INIT; `run_check` also makes TLS contexts and asks AWS for the",
        f"first time, where a definition names a secret, as these do, and takes {without:.0f} ms where none does. A place makes contexts alone. Done in the",
        "first run instead, with its share of a processor, this would take several times as long.",
        "",
        *table("function | ms", starts),
        f"The layer of dependencies has {unpacked / 1e6:.1f} MB, {size / 1e6:.1f} MB with bytecode (x86_64).",
        "",
    ]


def functions(built: Path, folder: Path, certificates: Certificates) -> dict[str, float]:
    """Median import time in ms of each function's handler."""
    with lambda_cpu.apis({}, certificates) as endpoint:
        return _functions(built, lambda_cpu.variables_of(endpoint, lambda_cpu.authorities(certificates, folder)))


def _functions(built: Path, outside: dict[str, str]) -> dict[str, float]:
    import boto3

    libraries = str(Path(boto3.__file__).parents[1])
    template = load_template((artifact.ROOT / "template.yaml").read_text(encoding="utf-8"))
    variables = {name: _variables(template, name) for name in FUNCTIONS}
    samples: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    for number in range(11):
        for name in FUNCTIONS:
            program = TIMED.format(what="import handler")
            function = name.partition(" ")[0]
            done = run(built, program, function=function, libraries=libraries, **variables[name] | outside)
            taken = float(done.stdout.splitlines()[-1])
            if number:  # the first brings the files into memory
                samples[name].append(taken)
    return {name: statistics.median(taken) for name, taken in samples.items()}


def _variables(template: dict[str, Any], name: str) -> dict[str, str]:
    function = name.partition(" ")[0]
    own = template["Resources"][function]["Properties"].get("Environment", {"Variables": {}})
    names = [*template["Globals"]["Function"]["Environment"]["Variables"], *own["Variables"]]
    placeholder = "arn:aws:sns:eu-central-1:123456789012:name"
    named = {one: VALUES.get(one, placeholder) for one in names if one.startswith("IMAPCHECK_")}
    place = {"IMAPCHECK_PLACE": "us-east-2"} if name == PLACE else {}
    login = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1"}
    return login | named | place


def imports(built: Path, runs: int) -> dict[str, float]:
    """Median import time in ms of each case, taken in turn."""
    samples: dict[str, list[float]] = {name: [] for name in CASES}
    for number in range(runs + 1):
        for name, what in CASES.items():
            taken = float(run(built, TIMED.format(what=what)).stdout)
            if number:  # the first brings the files into memory
                samples[name].append(taken)
    return {name: statistics.median(taken) for name, taken in samples.items()}


def profile(built: Path) -> str:
    """Where the time over the floor goes, by `-X importtime`."""
    floor, ours = (self_times(run(built, what, "-X", "importtime").stderr) for what in (FLOOR, "import handler"))
    extra = {module: taken for module, taken in ours.items() if module not in floor}
    parts = {
        "pydantic's own modules": r"pydantic|annotated_types",
        "our modules": r"imapcheck|handler",
        "the rest": r"",
    }
    sums = dict.fromkeys(parts, 0.0)
    for module, taken in extra.items():
        sums[next(part for part, pattern in parts.items() if re.match(pattern, module))] += taken / 1000
    heaviest = sorted(
        (module for module in extra if module.startswith("imapcheck")), key=lambda module: -extra[module]
    )[:3]
    named = ", ".join(f"{module} {extra[module] / 1000:.0f}" for module in heaviest)
    return (
        f"Over the floor, by `-X importtime`, in ms: {', '.join(f'{part} {taken:.0f}' for part, taken in sums.items())}; the heaviest of ours,\n"
        f"which build the pydantic models: {named}.\n"
    )


def self_times(text: str) -> dict[str, int]:
    """Microseconds by module."""
    found = re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", text, re.MULTILINE)
    return {module: int(taken) for taken, module in found}


def run(
    built: Path,
    program: str,
    *options: str,
    function: str = "RunCheckFunction",
    libraries: str = "",
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    parts = [built / "ImapcheckLayer/python", built / "DependenciesLayer/python", built / function]
    path = os.pathsep.join(filter(None, (*map(str, parts), libraries)))
    words = [str(Path(sys.base_prefix) / "bin/python3"), "-S", *options, "-c", program]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYDANTIC_DISABLE_PLUGINS": "true",
        **variables,
    }
    with tempfile.TemporaryDirectory() as elsewhere:
        ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, cwd=elsewhere)
    assert ended.returncode == 0, ended.stderr
    return ended


def _new(place: Path) -> Path:
    place.mkdir()
    return place
