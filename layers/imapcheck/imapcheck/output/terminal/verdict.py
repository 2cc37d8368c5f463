"""What a person must know of one run: available or not, where, why, what now; each sentence once."""

from collections.abc import Iterator

from rich.text import Text

from imapcheck.failures import Category
from imapcheck.output.excerpt import excerpt
from imapcheck.output.outcome import Outcome, passed_limits, words_of
from imapcheck.result import CheckResult, TlsFacts
from imapcheck.wording import days, expires, failure_line, length, warning_line

_MOST_NAMES = 5
STYLES = {
    "available": "green",
    "slow": "yellow",
    "partial": "yellow",
    "unavailable": "red",
    "not_run": "magenta",
    "crashed": "magenta",
}
WORDS = {
    "available": "available",
    "slow": "slow",
    "partial": "not from everywhere",
    "unavailable": "NOT AVAILABLE",
    "not_run": "could not run",
    "crashed": "internal error",
}


def evidence(result: CheckResult, *, transcript: bool) -> Iterator[Text]:
    """What leads to the verdict: the transcript, or its part that shows the failing steps; earlier attempts."""
    for number, failure in enumerate(result.earlier_failures, 1):
        yield Text(f"attempt {number}: {failure_line(failure.step, failure.type, failure.detail)}", "dim")
    lines = list(result.transcript)
    if not transcript:
        steps = dict.fromkeys(failure.step for failure in result.failures)
        lines = [line for step in steps for line in excerpt(step, result.transcript)]
    yield from (Text(f"  {line}", "dim") for line in lines)


def verdict(outcome: Outcome) -> Iterator[Text]:
    """The verdict's paragraph: one line, then what makes it so."""
    result = outcome.result
    assert result is not None
    state = "available, but slow" if outcome.state == "slow" else WORDS[outcome.state]
    facts = ", ".join(_facts(result))
    yield Text.assemble(
        (f"{outcome.check}: ", "bold"), (state, f"bold {STYLES[outcome.state]}"), f"  {outcome.asked.server}  {facts}"
    )
    yield from reasons(result)


def reasons(result: CheckResult) -> Iterator[Text]:
    """Failures with advice, the certificate that was refused, thresholds that were passed, warnings."""
    advised: set[str] = set()
    for failure in result.reasons:
        yield Text(f"  {failure_line(failure.step, failure.type)}", "red")
        yield Text(f"  {words_of(result, failure)}")
        if failure.category is Category.SSL and result.server.tls is not None:
            known = [fact for fact in certificate(result.server.tls) if fact not in failure.detail]
            yield Text(f"  Certificate: {'; '.join(known)}")
        if failure.advice not in advised:
            yield Text(f"  What to do: {failure.advice}", "bold")
        advised.add(failure.advice)
    for words in passed_limits(result):
        yield Text(f"  slow: {words}", "yellow")
    for warning in result.warnings:
        yield Text(f"  {warning_line(warning.type, warning.detail)}", "yellow")


def certificate(tls: TlsFacts) -> Iterator[str]:
    """What was served: names, issuer, date and how many certificates, as far as it is known."""
    names, more = ", ".join(tls.certificate_names[:_MOST_NAMES]), len(tls.certificate_names) - _MOST_NAMES
    if names or tls.certificate_subject is not None:
        yield f"for {names or tls.certificate_subject}{f' and {more} more' if more > 0 else ''}"
    if tls.certificate_issuer is not None:
        yield f"issued by {tls.certificate_issuer}"
    if tls.certificate_days_remaining is not None:
        yield expires(tls.certificate_days_remaining)
    if tls.certificates_sent is not None:
        yield f"the server sent {tls.certificates_sent}"


def _facts(result: CheckResult) -> Iterator[str]:
    attempts = f" in {result.attempts} attempts" if result.attempts > 1 else ""
    yield f"{length(result.duration_ms)}{attempts}"
    if result.failure is not None:
        return
    if result.delivery is not None and result.delivery.arrival_ms is not None:
        yield f"delivered in {length(result.delivery.arrival_ms)}"
    if result.search is not None:
        yield f"{result.search.matches} found"
    if result.new_message is not None and result.new_message.message_id is not None:
        yield f"filed in {result.new_message.mailbox}"
    if result.server.tls is not None and result.server.tls.certificate_days_remaining is not None:
        yield f"certificate {days(result.server.tls.certificate_days_remaining)}"
