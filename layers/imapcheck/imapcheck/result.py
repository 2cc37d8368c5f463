"""The result of a check: frozen, one JSON object, the same from the command line and the Lambda."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Literal

from imapcheck.delivery import DeliveryFacts
from imapcheck.failures import Category, FailureType
from imapcheck.steps import StepName
from imapcheck.text import printable
from imapcheck.version import VERSION

if TYPE_CHECKING:
    from pydantic import TypeAdapter

SCHEMA_VERSION = 1
_BOUND = 10**15

type StepStatus = Literal["passed", "failed", "refused", "skipped"]
type Verdict = Literal["up", "partial", "down"]
type WarningType = Literal[
    "certificate_expires_soon",
    "certificate_unverified",
    "server_alert",
    "quota",
    "empty_message",
    "weak_tls",
    "address_unreachable",
    "mailbox_in_use",
    "future_message",
    "credentials_expire_soon",
    "delivery_authentication",
    "place_silent",
]


@dataclass(frozen=True)
class StepResult:
    """One step: `duration_ms` is null where the step was skipped."""

    name: StepName
    status: StepStatus
    duration_ms: float | None
    detail: str | None


@dataclass(frozen=True)
class Failure:
    """One reason why the run was unavailable, in one line; `advice` says what to do first.

    `place` is the Region that saw it, where that is not the one that the run is of.
    """

    step: StepName
    type: FailureType
    category: Category
    detail: str
    response_code: str | None
    advice: str
    place: str | None = None


@dataclass(frozen=True)
class ResultWarning:
    """Something that will need a person, though the server is available."""

    type: WarningType
    detail: str


@dataclass(frozen=True)
class Exceeded:
    """A threshold of the definition that was passed: a step's name or `total`, both times in milliseconds."""

    name: StepName | Literal["total"]
    limit_ms: float
    duration_ms: float


@dataclass(frozen=True)
class TlsFacts:
    """What the TLS handshake showed; certificate fields are the leaf's, times ISO 8601 UTC.

    `certificate_expires_at` is when the first certificate of the verified chain expires: then clients refuse the
    server. Where that is not the leaf, `certificate_expiring` says whose it is.

    Filled also where the certificate was refused: then `verified` is false and `version` and `cipher` may be null.
    `certificate_names` are the names it is for (subjectAltName, RFC 9525), at most twenty; `certificates_sent` is the
    number of certificates that the server sent.
    """

    version: str | None
    cipher: str | None
    verified: bool
    certificate_subject: str | None
    certificate_issuer: str | None
    certificate_expires_at: str | None
    certificate_days_remaining: float | None
    certificate_names: tuple[str, ...] = ()
    certificates_sent: int | None = None
    certificate_expiring: str | None = None


@dataclass(frozen=True)
class ServerFacts:
    """Where the run connected to; `address` is null until a connection stood."""

    host: str
    port: int
    address: str | None = None
    unreachable_addresses: tuple[str, ...] = ()
    tls: TlsFacts | None = None


@dataclass(frozen=True)
class SearchFacts:
    """What the search found; `uid`, `age_seconds` and `size_bytes` are the newest match's."""

    matches: int
    uid: int | None = None
    age_seconds: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class NewMessageFacts:
    """The message that was filed; UIDs where the server gave APPENDUID (RFC 4315)."""

    mailbox: str | None = None
    message_id: str | None = None
    uid_validity: int | None = None
    uid: int | None = None
    removed: int = 0
    delivery_seconds: float | None = None


@dataclass(frozen=True)
class QuotaFacts:
    """The fullest resource of the mailbox's quota roots (RFC 9208), in percent of its limit."""

    used_percent: float
    resource: str


@dataclass(frozen=True)
class PlaceFacts:
    """Whether a server was reached from one Region; `reached` is null where that place did not look.

    `steps` are those that reaching consists of: names, connection, TLS, greeting, capabilities.
    """

    place: str
    looked: bool
    reached: bool | None
    failure: Failure | None = None
    steps: tuple[StepResult, ...] = ()

    @classmethod
    def from_dict(cls, content: object) -> "PlaceFacts":
        """What its JSON object says, whoever wrote it. Raises `ValueError` where it is none."""
        found: PlaceFacts = _reader(PlaceFacts).validate_python(_harmless(content))
        return found

    @property
    def step_ms(self) -> dict[str, float]:
        """How long each step took that ran, in their order."""
        return {step.name: step.duration_ms for step in self.steps if step.duration_ms is not None}


@dataclass(frozen=True)
class CheckResult:
    """What a run found (docs/result.md). `to_dict()` is the JSON object; every field is always present.

    `available` is what the run itself found, and `verdict` follows it unless other `places` looked too. `failure` is
    the first of `failures`, the reasons of the last attempt; both are empty where it is available and not down.
    """

    check: str | None
    run_id: str
    started_at: datetime
    available: bool
    slow: bool
    duration_ms: float
    attempts: int
    earlier_failures: tuple[Failure, ...]
    server: ServerFacts
    steps: tuple[StepResult, ...]
    failure: Failure | None
    search: SearchFacts | None
    new_message: NewMessageFacts | None
    token_ms: float | None
    transcript: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    warnings: tuple[ResultWarning, ...] = ()
    exceeded: tuple[Exceeded, ...] = ()
    quota: QuotaFacts | None = None
    delivery: DeliveryFacts | None = None
    verdict: Verdict = "up"
    login_tested: bool | None = None
    places: tuple[PlaceFacts, ...] | None = None
    version: str = VERSION
    schema: int = field(default=SCHEMA_VERSION)

    def __post_init__(self) -> None:
        """Without other places there is nothing else to go by."""
        if self.places is None:
            object.__setattr__(self, "verdict", "up" if self.available else "down")

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON types, in the order of docs/result.md."""
        content = asdict(self)
        content["started_at"] = isoformat(self.started_at)
        return {key: as_json(content[key]) for key in FIELDS}

    @classmethod
    def from_dict(cls, content: object) -> "CheckResult":
        """The result that `to_dict` made `content` of, to the millisecond of its start.

        A field that `content` lacks has its default, so that an older version's result can be read, and one that is
        not known is left out. Whoever wrote `content`: numbers are finite, and texts hold nothing that cannot be seen.
        Raises `ValueError` where it is no result, or one of another schema.
        """
        found: CheckResult = _reader(CheckResult).validate_python(_harmless(content))
        if found.schema != SCHEMA_VERSION or found.started_at.tzinfo is None:
            raise ValueError("not a result of this schema")
        if found.failure is None and (not found.available or found.verdict == "down"):
            raise ValueError("unavailable without a failure")
        return found

    def after(self, earlier: "CheckResult") -> "CheckResult":
        """This result as that of a run which began with `earlier`: its attempts and failures come first."""
        failed = (*earlier.earlier_failures, *((earlier.failure,) if earlier.failure is not None else ()))
        return replace(
            self,
            started_at=earlier.started_at,
            attempts=earlier.attempts + self.attempts,
            earlier_failures=(*failed, *self.earlier_failures),
        )

    @property
    def delivery_seconds(self) -> float | None:
        """How long a message of this check was under way: the one that this run sent, else an earlier one."""
        if self.delivery is not None and self.delivery.arrival_ms is not None:
            return self.delivery.arrival_ms / 1000
        return self.new_message.delivery_seconds if self.new_message is not None else None

    def step(self, name: StepName) -> StepResult | None:
        """The step of that name, or None where the definition does not ask for it."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def reason(self) -> Failure | None:
        """The failure that explains the others: what ends a session comes before what it then did not find."""
        return next(iter(self.reasons), self.failure)

    @property
    def reasons(self) -> tuple[Failure, ...]:
        """`failures`, the one that explains the others first."""
        return tuple(sorted(self.failures, key=lambda failure: failure.type.explained_by))

    @property
    def step_ms(self) -> dict[str, float]:
        """How long each step took that ran, in their order."""
        return {step.name: step.duration_ms for step in self.steps if step.duration_ms is not None}

    @property
    def share_reached(self) -> float:
        """The verdict as a number: 100 is up, 0 is down, between is the share of places that reached the server."""
        if self.verdict != "partial":
            return 100.0 if self.verdict == "up" else 0.0
        looked = [place.reached for place in self.places or () if place.looked]
        return round(100 * looked.count(True) / len(looked), 2)

    @property
    def unreached(self) -> tuple[PlaceFacts, ...]:
        """The places that looked and could not reach the server."""
        return tuple(place for place in self.places or () if place.reached is False)


def judged_total(steps: Iterable[StepResult], duration_ms: float) -> float:
    """Milliseconds that `thresholds.total` judges: without the wait for a LOGOUT that was not answered.

    All that was asked of the server had been done by then.
    """
    waited = (step.duration_ms or 0.0 for step in steps if step.name == "logout" and step.status == "refused")
    return duration_ms - sum(waited)


FIELDS = (
    "schema", "version", "check", "run_id", "started_at", "verdict", "available", "slow", "duration_ms", "attempts",
    "failure", "failures", "earlier_failures", "warnings", "exceeded", "server", "login_tested", "places", "steps",
    "search", "new_message", "quota", "delivery", "token_ms", "transcript",
)  # fmt: skip
"""The fields of the JSON object, in its order."""


def isoformat(moment: datetime) -> str:
    """A time in UTC with milliseconds: `2026-11-23T09:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(value: Any) -> Any:
    """What `asdict` gives, as JSON types."""
    match value:
        case tuple() | list():
            return [as_json(item) for item in value]
        case dict():
            return {key.removesuffix("_"): as_json(item) for key, item in value.items()}
        case FailureType() | Category():
            return value.value
        case _:
            return value


@cache
def _reader[T](type: type[T]) -> "TypeAdapter[T]":
    """Made where a result is first read: a run itself never reads one."""
    from pydantic import TypeAdapter

    return TypeAdapter(type)


def _harmless(value: Any) -> Any:
    """JSON without texts that could do more than stand there. Raises `ValueError` for a number out of all bounds."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {f"{key}_" if iskeyword(key) else key: _harmless(item) for key, item in value.items()}
        case list():
            return [_harmless(item) for item in value]
        case int() | float() if not abs(value) < _BOUND:
            raise ValueError("a number that nothing can be reckoned with")
    return value
