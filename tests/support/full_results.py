"""Results with every field filled, for what shows them; the texts are a server's and a file's."""

from dataclasses import replace
from datetime import UTC, datetime

from imapcheck.delivery import DeliveryAuthentication, DeliveryFacts, Hop
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


def sent(check: str | None = "mail", *, junk: bool = False) -> CheckResult:
    """A run whose message arrived; with `junk` where it should not."""
    usual = available(check)
    took: dict[StepName, float] = {
        "send_connect": 38.2, "send_tls": 46.0, "send_authenticate": 161.3, "submit": 94.8, "arrival": 3204.1
    }  # fmt: skip
    steps = [step for step in usual.steps if step.name not in ("locate_sent", "append")]
    place = 1 + next(index for index, step in enumerate(steps) if step.name == "examine")
    steps[place:place] = [StepResult(name, "passed", milliseconds, None) for name, milliseconds in took.items()]
    hops = (Hop("mail.example.com", "ESMTPSA", 0.0), Hop("mx.example.net", "ESMTPS", 2.0), Hop(None, "LMTP", None))
    delivery = DeliveryFacts("4XyZ", "INBOX", 3204.1, 3180.4, hops, DeliveryAuthentication("pass", "fail", "fail"))
    warning = ResultWarning("delivery_authentication", "the receiving server found spf=pass dkim=fail dmarc=fail")
    result = replace(
        usual, steps=tuple(steps), duration_ms=total_ms(steps), new_message=None, delivery=delivery, warnings=(warning,)
    )
    if not junk:
        return result
    kind = FailureType.DELIVERED_TO_JUNK
    words = "arrived in Spam after 3 s; spf=pass dkim=fail dmarc=fail"
    failure = Failure("arrival", kind, kind.category, words, None, kind.advice)
    failed = tuple(replace(step, status="failed", detail=words) if step.name == "arrival" else step for step in steps)
    moved = replace(delivery, mailbox="Spam", pushed_ms=None)
    return replace(
        result, available=False, steps=failed, failure=failure, failures=(failure,), delivery=moved,
        transcript=(*TRANSCRIPT, "S: A0002 OK in", 'C: A0003 STATUS "Spam" (UIDNEXT)', "S: A0003 OK done"),
    )  # fmt: skip


def measured(check: str | None = "mail") -> CheckResult:
    """A run that has a value for every measure."""
    return replace(available(check), delivery=sent().delivery)
