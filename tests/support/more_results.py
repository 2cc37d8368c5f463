"""Runs that `full_results` has not: each shows what no other run has to say."""

from dataclasses import replace

from imapcheck.asked import Asked
from imapcheck.failures import FailureType
from imapcheck.output.outcome import Outcome
from imapcheck.result import (
    CheckResult,
    Failure,
    NewMessageFacts,
    QuotaFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
)
from imapcheck.steps import StepName
from imapcheck.trace import NOT_REACHED, total_ms
from support.full_results import TIMES, TLS, available, refused, slow

URL = "imaps://imap.example.com:993/"
ASKED = Asked(URL, timeout=30.0, thresholds={"total": 1500.0, "search": 500.0}, min_matches=1, max_age_seconds=86_400.0)
THREE_NAMES = ("www.other.example", "mail.other.example", "smtp.other.example")
UNTIL_APPEND = tuple(TIMES.items())[:12]


def fault(step: StepName, type: FailureType, detail: str, response_code: str | None = None) -> Failure:
    """A failure with the advice of its type."""
    return Failure(step, type, type.category, detail, response_code, type.advice)


def over_quota(check: str | None = "full") -> CheckResult:
    """Two failures, a mailbox at 97 percent, and a message that was not filed."""
    words = "the server answered NO [OVERQUOTA] Quota exceeded (mailbox for user is full)"
    nothing = fault("search", FailureType.NO_MATCH, '0 found with subject "Invoice" in INBOX; at least 1 expected')
    full = fault("append", FailureType.OVER_QUOTA, words, "OVERQUOTA")
    steps = (
        *(StepResult(name, "passed", took, None) for name, took in UNTIL_APPEND if name not in ("search", "fetch")),
        StepResult("quota", "passed", 20.5, None),
        StepResult("search", "failed", 33.0, nothing.detail),
        StepResult("fetch", "skipped", None, "nothing was found"),
        StepResult("append", "failed", 51.0, words),
        StepResult("cleanup", "refused", 2400.0, "NO [NOPERM] may not delete; one message of ours is left in Sent"),
        StepResult("logout", "passed", 19.2, None),
    )
    return replace(
        available(check),
        available=False,
        steps=steps,
        duration_ms=total_ms(steps),
        failure=nothing,
        failures=(nothing, full),
        search=SearchFacts(0),
        new_message=NewMessageFacts(removed=3),
        token_ms=None,
        quota=QuotaFacts(96.6, "STORAGE"),
        warnings=(ResultWarning("quota", "STORAGE is used to 97 %"), ResultWarning("server_alert", "buy more room")),
        transcript=(
            "S: * OK IMAP4 ready",
            'C: A0008 UID SEARCH RETURN () SUBJECT "Invoice"',
            'S: * ESEARCH (TAG "A0008") UID',
            "S: A0008 OK Search completed",
            'C: A0009 APPEND "Sent" {412}',
            "S: A0009 NO [OVERQUOTA] Quota exceeded (mailbox for user is full)",
            "C: A0010 LOGOUT",
            "S: * BYE Logging out",
            "S: A0010 OK Logout completed",
        ),
    )


def certificate_refused(check: str | None = "expired") -> CheckResult:
    """A certificate for many names that expired two days ago."""
    seen = replace(
        TLS,
        version=None,
        cipher=None,
        verified=False,
        certificate_expires_at="2026-11-22T10:00:00.000Z",
        certificate_days_remaining=-2.01,
        certificate_names=(*TLS.certificate_names, *THREE_NAMES, "a.example", "b.example"),
    )
    words = "the server's certificate was refused: certificate has expired (valid until 22 Nov 2026 10:00 UTC)"
    return _ended_early(check, fault("tls", FailureType.CERTIFICATE_EXPIRED, words), replace(_server(), tls=seen))


def unreachable(check: str | None = "gone") -> CheckResult:
    """No connection stood, in either of two attempts."""
    words = "192.0.2.10: connection refused; 2001:db8::10: no route to host"
    failure = fault("connect", FailureType.CONNECTION_REFUSED, words)
    where = replace(_server(), address=None, unreachable_addresses=("192.0.2.10", "2001:db8::10"))
    run = _ended_early(check, failure, where)
    return replace(run, attempts=2, earlier_failures=(replace(failure, detail="192.0.2.10: no answer in 5 s"),))


def timed_out(check: str | None = "hung") -> CheckResult:
    """A greeting that never came; a time without decimals' room."""
    failure = fault("greeting", FailureType.TIMEOUT, "no complete answer in time")
    return _ended_early(check, failure, _server(), 129_950.4)


def warned(check: str | None = "warned") -> CheckResult:
    """Available, and every warning that there is; an unverified certificate of nine days."""
    facts = replace(
        TLS, verified=False, certificate_days_remaining=9.2, certificate_expires_at="2026-12-03T15:00:00.000Z"
    )
    return replace(
        available(check),
        server=ServerFacts("imap.example.com", 993, "2001:db8::25", ("2001:db8::24",), facts),
        search=SearchFacts(1204, 77, 45.0, 31_457_280),
        new_message=NewMessageFacts("Sent", "<d5da002a@example.com>", 15, 13, 1, None),
        quota=QuotaFacts(96.6, "MESSAGE"),
        warnings=(
            ResultWarning("certificate_expires_soon", "the certificate expires in 9 days"),
            ResultWarning("certificate_unverified", "the definition turns verification off"),
            ResultWarning("server_alert", "maintenance on Sunday"),
            ResultWarning("server_alert", "and on Monday"),
            ResultWarning("quota", "MESSAGE is used to 97 %"),
            ResultWarning("empty_message", "message 77 has no text"),
        ),
    )


def plain(check: str | None = None) -> CheckResult:
    """Without a name, TLS, a search, a message: a connection in clear and its greeting."""
    steps = (
        StepResult("dns", "passed", 0.02, None),
        StepResult("connect", "passed", 0.4, "2 addresses were tried"),
        StepResult("greeting", "passed", 8.0, None),
        StepResult("id", "skipped", None, "the server does not offer ID, so its name is not known"),
        StepResult("logout", "passed", 3.0, None),
    )
    return replace(
        available(check),
        steps=steps,
        duration_ms=total_ms(steps),
        server=ServerFacts("imap.example.com", 143, "203.0.113.25"),
        search=None,
        new_message=None,
        token_ms=None,
        quota=None,
        transcript=(),
    )


RUNS = {
    "available": available, "refused": refused, "slow": slow, "over-quota": over_quota,
    "certificate-refused": certificate_refused, "unreachable": unreachable, "timed-out": timed_out,
    "warned": warned, "plain": plain,
}  # fmt: skip
"""Every run by its name; a function of the check's name."""


def outcome_of(run: CheckResult) -> Outcome:
    """As a definition with limits leaves it."""
    return Outcome(run.check or "imap.example.com", run, asked=ASKED)


def not_run(check: str = "broken") -> Outcome:
    """A definition with two mistakes."""
    error = f"events/{check}.json: server: missing (required)\nevents/{check}.json: timeout: found 0 s"
    return Outcome(check, error=error)


def crashed(check: str = "bug") -> Outcome:
    """A mistake of ours."""
    return Outcome(check, error="internal error: KeyError: 'tls'", crashed=True, asked=ASKED)


def fleet() -> list[Outcome]:
    """One of every state, and two checks of one name."""
    runs = [available("office"), slow("slow-one"), refused(), over_quota(), warned(), certificate_refused()]
    return [*map(outcome_of, runs), not_run(), crashed(), outcome_of(available("office"))]


def _server() -> ServerFacts:
    return ServerFacts("imap.example.com", 993, "203.0.113.25")


def _ended_early(check: str | None, failure: Failure, server: ServerFacts, took: float = 21.0) -> CheckResult:
    names = list(TIMES)
    at = names.index(failure.step)
    steps = (
        *(StepResult(name, "passed", TIMES[name], None) for name in names[:at]),
        StepResult(names[at], "failed", took, failure.detail),
        *(StepResult(name, "skipped", None, NOT_REACHED) for name in names[at + 1 : -1]),
    )
    return replace(
        available(check),
        available=False,
        steps=steps,
        duration_ms=total_ms(steps),
        server=server,
        failure=failure,
        failures=(failure,),
        search=None,
        new_message=None,
        token_ms=None,
        quota=None,
        transcript=(),
    )
