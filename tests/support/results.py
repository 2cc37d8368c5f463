"""Results as `run_check` makes them, for tests of what is done with results."""

from datetime import UTC, datetime
from typing import Any

from imapcheck.asked import Asked
from imapcheck.failures import FailureType
from imapcheck.output.outcome import Outcome
from imapcheck.result import (
    CheckResult,
    Exceeded,
    Failure,
    NewMessageFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
    WarningType,
)
from imapcheck.steps import StepName

STARTED_AT = datetime(2026, 11, 24, 10, 12, 7, 250_000, UTC)
EXPIRES_AT = "2027-01-24T12:00:00.000Z"


def tls(**fields: Any) -> TlsFacts:
    """A certificate of 61 days."""
    return TlsFacts(
        **{
            "version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "verified": True,
            "certificate_subject": "CN=mail.example",
            "certificate_issuer": "CN=Example CA",
            "certificate_expires_at": EXPIRES_AT,
            "certificate_days_remaining": 61.07,
            "certificate_names": ("mail.example",),
            **fields,
        }
    )


def failure(type: FailureType = FailureType.COMMAND_REJECTED, step: StepName = "examine", **fields: Any) -> Failure:
    """A refusal in the server's words."""
    return Failure(
        **{
            "step": step,
            "type": type,
            "category": type.category,
            "detail": "the server answered NO not today",
            "response_code": None,
            "advice": "Read the server's words.",
            **fields,
        }
    )


def result(check: str = "gmail", *failures: Failure, **fields: Any) -> CheckResult:
    """An available run of 812 ms, or one that failed as said."""
    steps = (
        StepResult("dns", "passed", 3.0, None),
        StepResult("connect", "passed", 21.5, None),
        StepResult("tls", "passed", 44.0, None),
        StepResult("authenticate", "passed", 740.5, None),
        StepResult("namespace", "skipped", None, "server does not offer NAMESPACE"),
        StepResult("logout", "passed", 3.0, None),
    )
    given: dict[str, Any] = {
        "check": check,
        "run_id": "5f0f0a5e-0000-4000-8000-000000000000",
        "started_at": STARTED_AT,
        "available": not failures,
        "slow": False,
        "duration_ms": 812.0,
        "attempts": 1,
        "earlier_failures": (),
        "server": ServerFacts("mail.example", 993, "192.0.2.7", (), tls()),
        "steps": steps,
        "failure": failures[0] if failures else None,
        "failures": failures,
        "search": SearchFacts(3, 17, 42.5, 2048),
        "new_message": NewMessageFacts("Sent", "<1@example>", 7, 19, 0, 1.25),
        "token_ms": None,
        "transcript": ("S: * OK ready", "C: A0001 CAPABILITY") if failures else (),
        **fields,
    }
    return CheckResult(**given)


def slow_result(check: str = "gmail", **fields: Any) -> CheckResult:
    """Available, but over its threshold for the login."""
    exceeded = (Exceeded("authenticate", 500.0, 740.5),)
    return result(check, slow=True, exceeded=exceeded, **fields)


def outcome(run: CheckResult, **asked: Any) -> Outcome:
    """The outcome of a file whose definition asks for this."""
    given = {"server": "imaps://mail.example:993/", "timeout": 30.0, "min_matches": 1, **asked}
    return Outcome(run.check or "", run, asked=Asked(**given))


def not_run(check: str = "broken", error: str = "") -> Outcome:
    """A file that could not be run."""
    return Outcome(check, error=error or f"{check}.json: server: missing (required)")


def warning(type: WarningType = "certificate_expires_soon", detail: str = "expires in 3 days") -> ResultWarning:
    return ResultWarning(type, detail)
