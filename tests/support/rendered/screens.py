"""What `imapcheck run` shows of one check and of several, at the widths and encodings that terminals have."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from rich.console import Console
from rich.text import Text

from imapcheck.output.outcome import Outcome
from imapcheck.output.terminal.screens import ManyChecksScreen, OneCheckScreen, say
from imapcheck.output.terminal.steps import StepLines
from imapcheck.output.terminal.table import table
from imapcheck.output.terminal.verdict import evidence
from imapcheck.result import StepResult
from imapcheck.trace import NOT_REACHED, StepFinished, StepStarted
from support.full_results import available, refused, slow
from support.more_results import RUNS, crashed, fleet, not_run, outcome_of, over_quota, unreachable, warned
from support.rendered.paper import Paper, on_papers, sheet


def one(outcome: Outcome, console: Console, *, transcript: bool = False, quiet: bool = False) -> None:
    """A screen of one check, at its end."""
    OneCheckScreen(transcript=transcript, quiet=quiet, console=console).result(outcome)


def many(outcomes: Sequence[Outcome], console: Console, *, transcript: bool = False, quiet: bool = False) -> None:
    """A screen of several, at its end."""
    ManyChecksScreen(len(outcomes), transcript=transcript, quiet=quiet, console=console).finish(list(outcomes))


def at_every_width(draw: Callable[..., None]) -> str:
    """Wide, narrow, in a pipe; quiet."""
    return briefly(draw) + on_papers(draw, columns_120=Paper(120), pipe=Paper(pipe=True))


def with_transcript(draw: Callable[..., None]) -> str:
    """The whole of it, where it was asked for."""
    return on_papers(partial(draw, transcript=True), columns_80_transcript=Paper())


def briefly(draw: Callable[..., None]) -> str:
    """What no two runs have in common, on a usual terminal and on a poor one; quiet."""
    plain = on_papers(draw, columns_80=Paper(), columns_40_ASCII=Paper(40, "ascii"))
    return plain + on_papers(partial(draw, quiet=True), columns_80_quiet=Paper())


def one_check(name: str, outcome: Outcome) -> str:
    draw = partial(one, outcome)
    if name == "available":
        return briefly(draw) + with_transcript(draw)
    return at_every_width(draw) + with_transcript(draw) if name in ("refused", "plain") else briefly(draw)


def many_checks(outcomes: Sequence[Outcome]) -> str:
    """The transcripts of three: they are long."""
    return at_every_width(partial(many, outcomes)) + with_transcript(partial(many, outcomes[1:4]))


def colours() -> str:
    """What is green, yellow, red, dim and bold."""
    last = [replace(run, steps=run.steps[9:], failures=run.failures[:1]) for run in (slow(), over_quota())]
    runs = {"slow": last[0], "refused": replace(refused(), failures=refused().failures[:1]), "over_quota": last[1]}
    parts = [on_papers(partial(one, outcome_of(run)), **{name: Paper(colours=True)}) for name, run in runs.items()]
    one_of_each = [outcome for outcome in fleet() if outcome.check not in ("full", "expired")]
    return "".join(parts) + on_papers(partial(many, one_of_each), several=Paper(120, colours=True))


def many_failures() -> str:
    """From six stories on, the transcript is shown where it was asked for only."""
    run = replace(unreachable(), transcript=("S: * OK IMAP4 ready", "C: A0001 LOGOUT", "S: * BYE see you"))
    six = [outcome_of(replace(run, check=f"mail-{number}")) for number in range(6)]
    five, all_the_same = partial(many, six[1:]), partial(many, six, transcript=True)
    shown = on_papers(partial(many, six), six=Paper()) + on_papers(five, five=Paper())
    return shown + on_papers(all_the_same, six_transcript=Paper())


def progress() -> str:
    """The line that stands while checks run, cut at the terminal's width; and what Ctrl-C leaves."""
    parts = []
    for columns in (40, 80):
        paper = Paper(columns)
        screen = ManyChecksScreen(12, transcript=False, console=paper.console)
        screen.ended(outcome_of(available("first")))
        for number in range(11):
            screen.started(f"customer-{number:02}")
        screen.ended(outcome_of(warned("customer-03")))
        screen.close()
        parts.append(sheet(f"columns {columns}", paper.frames))
        cut = Paper(columns)
        screen = ManyChecksScreen(12, transcript=False, console=cut.console)
        screen.ended(outcome_of(refused("first")))
        screen.started("customer-01")
        screen.started("customer-02")
        screen.interrupted()
        parts.append(sheet(f"columns {columns}, interrupted", cut.frames))
        whole = Paper(columns)
        screen = ManyChecksScreen(1, transcript=False, console=whole.console)
        screen.started("first")
        screen.ended(outcome_of(refused("first")))
        screen.finish([outcome_of(refused("first"))])
        parts.append(sheet(f"columns {columns}, ended (cursor {whole.hidden_cursors})", whole.frames))
    return "".join(parts)


def quiet_progress() -> str:
    """Neither a pipe nor --quiet is shown what happens."""
    parts = []
    for title, paper, quiet in (("pipe", Paper(pipe=True), False), ("quiet", Paper(), True)):
        screen = ManyChecksScreen(2, transcript=False, quiet=quiet, console=paper.console)
        screen.started("mail")
        screen.interrupted()
        single = OneCheckScreen(transcript=False, quiet=quiet, console=paper.console)
        hooks = len(single.hooks("mail"))
        single.interrupted()
        parts.append(sheet(title, f"{paper.text.strip() or '(nothing)'}\n{hooks} hooks\n"))
    return "".join(parts)


def one_live() -> str:
    """A check while it runs, then its end; and Ctrl-C in the middle, whose last line is the step under way."""
    parts = []
    for interrupt in (False, True):
        paper = Paper()
        screen = OneCheckScreen(transcript=False, timeout=30.0, console=paper.console)
        [hook] = screen.hooks("mail")
        for step in refused().steps[:6]:
            hook(StepStarted(step.name, 0.0))
            if not (interrupt and step.name == "authenticate"):
                hook(StepFinished(step.name, 0.0, step))
        if interrupt:
            screen.interrupted()
        else:
            screen.result(outcome_of(refused()))
        parts.append(sheet("interrupted" if interrupt else "ended", paper.left))
    paper = Paper()
    OneCheckScreen(transcript=False, console=paper.console).interrupted()
    parts.append(sheet("interrupted before it began", paper.text.strip() or "(nothing)"))
    return "".join(parts)


def widths() -> str:
    """Around the widths at which something gets, or loses, its room."""
    parts = []
    times = [("dns", 99_999.9, None), ("list", 100_000.0, "of 24 characters exactly"), ("append", 5.0, "x" * 25)]
    steps = tuple(StepResult(name, "passed", took, detail) for name, took, detail in times)  # type: ignore[arg-type]
    run = replace(slow(), steps=steps, warnings=())
    other = outcome_of(replace(slow(), warnings=()))
    for columns in (20, 40, 59, 60, 63, 64, 65, 70, 80, 99, 100, 107, 108, 120, 130):
        paper = Paper(columns)
        paper.console.print(StepLines.of(run))
        paper.console.print(table([other, outcome_of(run), not_run()], columns))
        parts.append(sheet(f"columns {columns}", paper.text))
    return "".join(parts)


def lines() -> str:
    """Lines as long as the terminal is wide, one shorter, one longer; of words, and of one word."""
    parts = []
    for columns in (12, 13, 14):
        for pipe in (False, True):
            paper = Paper(columns, pipe=pipe)
            say(paper.console, [Text("a line of 13."), Text("thirteen_long"), Text("  x  y  z " * 3)])
            parts.append(sheet(f"columns {columns}{', pipe' if pipe else ''}", paper.text))
    return "".join(parts)


def live_steps() -> str:
    """Steps as they begin and end, with the clock of the one under way; a second attempt begins anew."""
    now = 100.0
    steps = StepLines(30.0, clock=lambda: now)
    parts = []

    def look(title: str) -> None:
        for columns in (40, 80):
            paper = Paper(columns)
            paper.console.print(steps)
            parts.append(sheet(f"{title} ({columns})", paper.text))

    steps.take(StepStarted("dns", 0.0))
    look("a name is looked up")
    now += 0.9
    steps.take(StepFinished("dns", 0.0, StepResult("dns", "passed", 900.0, None)))
    look("found")
    steps.take(StepStarted("capability", 900.0))
    steps.take(StepFinished("capability", 900.0, StepResult("capability", "passed", 100.0, None)))
    now += 0.1
    steps.take(StepStarted("authenticate", 1000.0))
    look("after one second")
    now += 12.4
    look("a login that takes its time")
    steps.take(StepFinished("authenticate", 1000.0, StepResult("authenticate", "passed", 12_400.0, "PLAIN")))
    steps.take(StepStarted("capability", 13_400.0))
    steps.take(StepFinished("capability", 13_400.0, StepResult("capability", "passed", 2_100.0, None)))
    steps.take(StepFinished("id", 15_500.0, StepResult("id", "refused", 0.0, "NO not for you")))
    steps.take(StepFinished("logout", 15_500.0, StepResult("logout", "skipped", None, NOT_REACHED)))
    look("CAPABILITY asked again")
    steps.take(StepStarted("dns", 0.0))
    look("a second attempt")
    return "".join(parts)


def clock_without_a_timeout() -> str:
    """Only how long."""
    now = 0.0
    steps = StepLines(clock=lambda: now)
    steps.take(StepStarted("connect", 0.0))
    now = 1.0
    paper = Paper()
    paper.console.print(steps)
    return paper.text


def excerpts() -> str:
    """The part of a transcript that belongs to the step that failed: of a long one its beginning and end."""
    run = over_quota()
    failure = run.failures[0]
    flood = tuple(f"S: * {number} FETCH (UID {number})" for number in range(14))
    greeting = replace(run, failures=(replace(failure, step="greeting"),))
    cases = {
        "a flood": replace(run, transcript=(*run.transcript[:2], *flood, *run.transcript[2:])),
        "twelve lines": replace(run, transcript=(*run.transcript[:2], *flood[:9], *run.transcript[2:])),
        "greeting": greeting,
        "greeting, and nothing sent": replace(greeting, transcript=run.transcript[:1]),
        "a step without commands": replace(run, failures=(replace(failure, step="tls"),)),
        "the last command": replace(run, failures=(replace(failure, step="logout"),)),
        "two failures of one step": replace(run, failures=(run.failures[1], run.failures[1])),
    }
    shown = {
        title: "".join(f"{line.plain}\n" for line in evidence(told, transcript=False)) for title, told in cases.items()
    }
    return "".join(sheet(title, text or "(nothing)\n") for title, text in shown.items())


SCENES: dict[str, Callable[[], str]] = {
    **{f"one-{name}.txt": partial(one_check, name, outcome_of(make())) for name, make in RUNS.items()},
    "one-not-run.txt": partial(one_check, "not-run", not_run()),
    "one-crashed.txt": partial(one_check, "crashed", crashed()),
    "many.txt": partial(many_checks, fleet()),
    "many-fine.txt": partial(many_checks, [outcome_of(available("a")), outcome_of(available("b"))]),
    "many-failures.txt": many_failures,
    "colours.txt": colours,
    "progress.txt": progress,
    "progress-not-shown.txt": quiet_progress,
    "live-steps.txt": live_steps,
    "live-without-timeout.txt": clock_without_a_timeout,
    "one-live.txt": one_live,
    "widths.txt": widths,
    "lines.txt": lines,
    "excerpts.txt": excerpts,
}
