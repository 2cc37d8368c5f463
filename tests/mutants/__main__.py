"""A random sample of mutants against the tests that could notice: `make mutants`, `make mutants SEED=2 COUNT=100`.

    python -m mutants [--seed 1] [--count 60] [--workers 2] [--only TEXT]

Ends with status 1 where more than one in twenty lives. `--only` takes the mutants whose place or change holds TEXT.
`.mutants/seed-N.txt` lists each mutant with the test that noticed it.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from queue import Queue

from mutants import python_source, template_source
from mutants.mutant import Mutant
from mutants.scratch import Scratch, side_by_side
from mutants.selection import Selection

PROJECT = Path(__file__).parents[2]
STORE = PROJECT / ".mutants/felt.json"
TEMPLATE = "template.yaml"
# A template has a mutant for every word in it; more than a fifth of the sample would be only that.
_TEMPLATES_SHARE = 5


def sample(project: Path, seed: int, count: int, only: str) -> list[Mutant]:
    """The same mutants for the same seed and the same files."""
    sources = [
        path for folder in ("layers/imapcheck/imapcheck", "functions") for path in (project / folder).rglob("*.py")
    ]
    files = ((str(path.relative_to(project)), path.read_text(encoding="utf-8")) for path in sorted(sources))
    python = [mutant for mutant in python_source.of_files(files) if only in str(mutant)]
    template = template_source.mutants(TEMPLATE, (project / TEMPLATE).read_text(encoding="utf-8"))
    template = [mutant for mutant in template if only in str(mutant)]
    chosen = random.Random(seed)
    chosen.shuffle(python)
    chosen.shuffle(template)
    share = min(len(template), count // _TEMPLATES_SHARE if python else count)
    usable = (mutant for mutant in python if python_source.compiles(mutant))
    return [*template[:share], *(mutant for mutant, _ in zip(usable, range(count - share), strict=False))]


def noticed_by(mutant: Mutant, scratch: Scratch, selection: Selection) -> str | None:
    """The first test that fails, of those that could notice; None where the mutant lives."""
    with scratch.changed(mutant.path, mutant.content()):
        stages = (_first_failure(tests, scratch, selection) for tests in selection.stages(mutant))
        return next(filter(None, stages), None)


def _first_failure(tests: list[str], scratch: Scratch, selection: Selection) -> str | None:
    """The first of the tests that fails, and does so again: one that waits may fail as the machine is busy."""
    rest = tests
    while rest:
        failed, rest = scratch.failed(rest, selection.seconds(rest))
        if sure := [name for name in failed if name not in tests]:
            return sure[0]
        again = scratch.failed(failed, 0.0)[0] if failed else []
        if again:
            return again[0]
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    # A shell that starts us in the background ignores SIGINT for us, and so would the tests that send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="imapcheck-mutants-") as folder:
        copies: Queue[Scratch] = Queue()
        for number in range(asked.workers):
            copies.put(Scratch(PROJECT, Path(folder) / str(number)))
        selection = Selection.of(list(copies.queue), STORE)
        for scratch in copies.queue:
            (scratch.root / TEMPLATE).write_text(template_source.same((PROJECT / TEMPLATE).read_text()))
            scratch.compile()
        chosen = sample(PROJECT, asked.seed, asked.count, asked.only)
        print(f"{len(chosen)} mutants, seed {asked.seed}; those that no test notices:", flush=True)
        survivors = 0
        with STORE.with_name(f"seed-{asked.seed}.txt").open("w") as listed, side_by_side(list(copies.queue)) as pool:
            verdicts = pool.map(lambda mutant: _judged(mutant, copies, selection), chosen)
            for judged, (mutant, test) in enumerate(zip(chosen, verdicts, strict=True), 1):
                survivors += test is None
                print(f"{mutant}\n    {test or 'LIVES'}", file=listed, flush=True)
                if judged % 10 == 0:
                    print(f"  .. {judged - survivors} of {judged} killed so far", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(chosen) - survivors} of {len(chosen)} killed, in {minutes:.0f} minutes")
    return int(survivors * 20 > len(chosen))


def _judged(mutant: Mutant, copies: "Queue[Scratch]", selection: Selection) -> str | None:
    scratch = copies.get()
    try:
        test = noticed_by(mutant, scratch, selection)
    finally:
        copies.put(scratch)
    if test is None:
        print(f"  {mutant}", flush=True)
    return test


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
