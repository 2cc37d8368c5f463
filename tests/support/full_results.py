"""Results with every field filled, for what shows them; the texts are a server's and a file's."""

from dataclasses import replace
from datetime import UTC, datetime

from imapcheck.failures import FailureType
from imapcheck.result import (
    CheckResult,
    Exceeded,
    Failure,
    NewMessageFacts,
    QuotaFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
)  # fmt: skip
from imapcheck.steps import StepName
from imapcheck.trace import NOT_REACHED, total_ms

TIMES: dict[StepName, float] = {
    "dns": 3.2, "connect": 21.4, "tls": 44.1, "greeting": 20.3, "capability": 19.6, "authenticate": 182.0,
    "namespace": 19.9, "list": 64.2, "examine": 21.5, "search": 38.0, "fetch": 52.7, "locate_sent": 20.4,
    "append": 71.9, "logout": 19.2,
}  # fmt: skip
TLS = TlsFacts(
    version="TLSv1.3",
    cipher="TLS_AES_256_GCM_SHA384",
    verified=True,
    certificate_subject="CN=imap.example.com",
    certificate_issuer="CN=R12, O=Let's Encrypt, C=US",
    certificate_expires_at="2027-01-24T08:40:11.000Z",
    certificate_days_remaining=61.3,
    certificate_names=("imap.example.com", "mail.example.com"),
    certificates_sent=2,
)
TRANSCRIPT = (
    "S: * OK IMAP4 ready",
    "C: A0001 CAPABILITY",
    "S: * CAPABILITY IMAP4rev1 SASL-IR NAMESPACE AUTH=PLAIN",
    "S: A0001 OK done",
    "C: A0002 AUTHENTICATE PLAIN ********",
)


def available(check: str | None = "mail") -> CheckResult:
    """A run in which everything worked."""
    steps = tuple(StepResult(name, "passed", took, None) for name, took in TIMES.items())
    return CheckResult(
        check=check,
        run_id="4923f237-2f4f-437e-8eb1-a14b8a1a760d",
        started_at=datetime(2026, 11, 24, 10, 12, 3, tzinfo=UTC),
        available=True,
        slow=False,
        duration_ms=total_ms(steps),
        attempts=1,
        earlier_failures=(),
        server=ServerFacts("imap.example.com", 993, "203.0.113.25", tls=TLS),
        steps=steps,
        failure=None,
        search=SearchFacts(2, uid=4, age_seconds=7300.0, size_bytes=2103),
        new_message=NewMessageFacts("Sent", "<d5da002a@example.com>", 15, 13, 1, 4.2),
        token_ms=12.0,
        transcript=(*TRANSCRIPT, "S: A0002 OK in", "C: A0003 LOGOUT", "S: * BYE see you", "S: A0003 OK done"),
        quota=QuotaFacts(71.0, "STORAGE"),
    )


def refused(check: str | None = "mail") -> CheckResult:
    """A run whose login was refused, at the second attempt, and of which there is everything to say."""
    words = "the server answered NO [AUTHENTICATIONFAILED] wrong user or password"
    kind = FailureType.AUTHENTICATION_FAILED
    failure = Failure("authenticate", kind, kind.category, words, "AUTHENTICATIONFAILED", kind.advice)
    taken = [StepResult(name, "passed", took, None) for name, took in list(TIMES.items())[:5]]
    steps = (
        *taken,
        StepResult("authenticate", "failed", 412.3, words),
        StepResult("namespace", "refused", 20.0, "NO not now"),
        StepResult("list", "failed", 11.0, "and the server hung up"),
        StepResult("examine", "skipped", None, NOT_REACHED),
        StepResult("search", "skipped", None, NOT_REACHED),
        StepResult("logout", "passed", 18.4, None),
    )
    return replace(
        available(check),
        available=False,
        duration_ms=total_ms(steps),
        attempts=2,
        earlier_failures=(failure,),
        steps=steps,
        failure=failure,
        failures=(failure, replace(failure, step="list", detail="and the server hung up")),
        search=None,
        new_message=None,
        transcript=(
            *TRANSCRIPT, "S: A0002 NO [AUTHENTICATIONFAILED] wrong user or password",
            "… 3 lines left out", "C: A0003 LOGOUT", "S: * BYE see you",
        ),
        warnings=(ResultWarning("server_alert", "the disk is nearly full"),),
    )  # fmt: skip


def slow(check: str | None = "mail") -> CheckResult:
    """A run that worked and took too long."""
    usual = available(check)
    steps = tuple(replace(step, duration_ms=1240.0) if step.name == "search" else step for step in usual.steps)
    total = total_ms(steps)
    return replace(
        usual,
        slow=True,
        steps=steps,
        duration_ms=total,
        exceeded=(Exceeded("search", 500.0, 1240.0), Exceeded("total", 1500.0, total)),
        warnings=(ResultWarning("certificate_expires_soon", "the certificate expires in 9 days"),),
    )
