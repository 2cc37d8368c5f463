"""When a deployed check runs and whom its alarms tell: `schedule` and `alarms` of a definition.

What CloudWatch, EventBridge Scheduler or SNS would refuse in the middle of a deployment is refused here, with
what would fit. The limits are theirs (CloudWatch API reference: PutMetricAlarm, Schedule of a mute rule).
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from imapcheck.definition.fields import Duration, Model, as_list, conflict, expected
from imapcheck.regions import REGION_PATTERN, partition
from imapcheck.text import one_line

Every = Literal[
    "1m", "2m", "3m", "4m", "5m", "6m", "10m", "12m", "15m", "20m", "30m",
    "1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h",
]  # fmt: skip
EVERY: tuple[Every, ...] = get_args(Every)
Remind = Literal["1h", "4h", "12h", "1d", "off"]
_REMIND_HOURS: dict[Remind, int] = {"1h": 1, "4h": 4, "12h": 12, "1d": 24}
_HOUR, _DAY = 3600, 86_400
_LONGEST_MUTE = timedelta(days=15)
MOST_PLACES = 5
"""Besides the stack's own Region."""


def _places(names: str, first: int = 0) -> dict[str, int]:
    return {name: place for place, name in enumerate(names.split(), first)}


def _numbers(first: int, last: int) -> dict[str, int]:
    return {f"{number:0{width}d}": number for number in range(first, last + 1) for width in (1, 2)}


CRON_FIELDS = (
    ("minutes from 0 to 59", _numbers(0, 59)),
    ("hours from 0 to 23", _numbers(0, 23)),
    ("days from 1 to 31", _numbers(1, 31)),
    (
        "months from 1 to 12 or JAN to DEC",
        _numbers(1, 12) | _places("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", first=1),
    ),
    # Not by number: crons disagree about which day is 0 or 1, and CloudWatch's pages do not say.
    ("days of the week by name, SUN to SAT", _places("SUN MON TUE WED THU FRI SAT")),
)


class RunsOf(NamedTuple):
    """`datapoints` of the last `periods` runs, as CloudWatch counts them."""

    datapoints: int
    periods: int

    def __str__(self) -> str:
        return f"{self.datapoints} of {self.periods}"


def _runs_of(value: Any) -> Any:
    if isinstance(value, RunsOf):
        return value
    match = re.fullmatch(r"([0-9]{1,2}) of ([0-9]{1,2})", value) if isinstance(value, str) else None
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= 10:
        raise expected('"M of N" runs, such as "2 of 3", with M from 1 to N and N at most 10')
    return RunsOf(int(match[1]), int(match[2]))


def _contact(value: str) -> str:
    """An address as SNS takes it, in lower case: that is how it is compared with the messages' attribute."""
    local, at, domain = value.lower().rpartition("@")
    label = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    fits = (
        at
        and len(local) <= 64
        and len(domain) <= 189
        and re.fullmatch(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*", local)
        and re.fullmatch(rf"(?:{label}\.)+{label}", domain)
    )
    if not fits:
        raise expected("a plain ASCII address such as ops@example.com, without a display name")
    return f"{local}@{domain}"


def _without_twins(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _web_address(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*", value) or len(value) > 300:
        raise expected("an http or https URL of at most 300 characters, others percent-encoded")
    return value


def _cron(value: str) -> str:
    """Five fields; CloudWatch knows `*`, `-` and `,` in them, no steps (API reference, Schedule)."""
    fields = value.upper().split()
    if len(fields) != len(CRON_FIELDS):
        raise expected('five fields: minutes, hours, day of month, month, day of week, such as "0 2 * * SUN"')
    for field, (what, known) in zip(fields, CRON_FIELDS, strict=True):
        if not all(_in_range(part, known) for part in field.split(",")):
            steps = ", as CloudWatch knows no steps" if "/" in field else ""
            raise expected(f"{what}, as *, A, A-B or A,B; not {one_line(field, 40)}{steps}")
    return " ".join(fields)


def _in_range(part: str, known: dict[str, int]) -> bool:
    first, dash, last = part.partition("-")
    if not dash:
        return part == "*" or part in known
    return first in known and last in known and known[first] <= known[last]


def _at(value: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}", value):
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise expected('a date and time that exists, such as "2026-12-01T02:00"')


def _mute_duration(value: timedelta) -> timedelta:
    if value % timedelta(minutes=1) or not timedelta(minutes=1) <= value <= _LONGEST_MUTE:
        raise expected("whole minutes, from 1m to 15d")
    return value


def _time_zone(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_+/-]{1,50}", value):
        raise expected("a time zone's name such as Europe/Berlin")
    return value


def _region(value: str) -> str:
    if not re.fullmatch(REGION_PATTERN[1:-1], value):
        raise expected("a Region of AWS such as us-east-2")
    return value


def _of_one_partition(values: list[str]) -> list[str]:
    for index, region in enumerate(values):
        if region in values[:index]:
            raise expected(f"each Region once ({region} is there twice)")
        if partition(region) != partition(values[0]):
            raise expected(f"Regions of one partition: no account reaches both {values[0]} and {region}")
    return values


class ScheduleDefinition(Model):
    """When, from where and by whom the check is run. Without it the check is deployed and nothing runs it."""

    every: Every = Field(description="The interval between two runs.", examples=["5m"])
    enabled: Annotated[bool, Field(strict=True)] = Field(
        True, description="false pauses the check: neither its schedule nor its alarms exist."
    )
    runner: Literal["stack", "outside"] = Field(
        "stack",
        description="Who runs the check: the stack's function; or outside, a machine of your own that publishes its"
        " runs to the stack (imapcheck run --publish).",
    )
    places: Annotated[
        list[Annotated[str, AfterValidator(_region), WithJsonSchema({"type": "string", "pattern": REGION_PATTERN})]],
        BeforeValidator(as_list),
        Field(max_length=MOST_PLACES),
        AfterValidator(_of_one_partition),
    ] = Field(
        default_factory=list,
        description="Regions from which the server must be reached too, besides the stack's own; at most five.",
        examples=[["us-east-2", "ap-northeast-1"]],
    )
    quorum: Annotated[int, Field(ge=1, le=MOST_PLACES + 1, strict=True)] | None = Field(
        None,
        description="How many places must fail to reach the server before it counts as down, the stack's own Region"
        " included; null: more than half of all.",
    )

    @model_validator(mode="after")
    def _quorum_can_be_met(self) -> Self:
        if self.places and self.runner == "outside":
            raise conflict("schedule.places", "places", "none: a check that is run from outside asks no other place")
        if self.quorum is not None and self.places and self.quorum > len(self.places) + 1:
            wanted = f"at most {len(self.places) + 1}: the stack's own Region and {len(self.places)} more"
            raise conflict("schedule.quorum", str(self.quorum), wanted)
        return self

    def places_beside(self, home: str) -> tuple[str, ...]:
        """The places without the stack's own Region, in the definition's order."""
        return tuple(place for place in self.places if place != home)

    def votes_for_down(self, places: int) -> int:
        """How many of so many places, home counted, must fail to reach the server before it counts as down."""
        return places // 2 + 1 if self.quorum is None else min(self.quorum, places)

    @property
    def seconds(self) -> int:
        """The interval; the alarms' periods follow it."""
        return int(self.every[:-1]) * (60 if self.every.endswith("m") else _HOUR)

    @property
    def certificate_seconds(self) -> int:
        """The certificate's days are published once in so long, and judged over it: a metric is billed by the hour."""
        return max(6 * _HOUR, self.seconds)

    def shows_certificate(self, due: datetime) -> bool:
        """Whether a run that was due then is the first of its six hours; of 4h each is, as that divides no six."""
        into = due.timestamp() % self.certificate_seconds
        return into < self.seconds or self.certificate_seconds % self.seconds != 0

    def most_periods(self) -> int:
        """How many intervals CloudWatch's longest window holds: a day for intervals under an hour, else seven."""
        return (_DAY if self.seconds < _HOUR else 7 * _DAY) // self.seconds


class MuteDefinition(Model):
    """A window in which the check's alarms send nothing; what is still wrong at its end is reported then."""

    cron: Annotated[str, AfterValidator(_cron)] | None = Field(
        None,
        description="Recurring: minutes, hours, day of month, month, day of week (by name).",
        examples=["0 2 * * SUN"],
    )
    at: Annotated[str, AfterValidator(_at)] | None = Field(
        None, description="Once, at this local time.", examples=["2026-12-01T02:00"]
    )
    duration: Annotated[Duration, AfterValidator(_mute_duration)] = Field(
        description="How long, from 1m to 15d.", examples=["2h"]
    )
    timezone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "UTC", description="The time zone of cron and at.", examples=["Europe/Berlin"]
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.cron is None) == (self.at is None):
            raise expected("exactly one of cron and at")
        return self

    def is_over(self, now: datetime) -> bool:
        """A window once that has ended; `now` is the time with its zone, `timezone` one that exists."""
        from zoneinfo import ZoneInfo

        if self.at is None:
            return False
        return datetime.fromisoformat(self.at).replace(tzinfo=ZoneInfo(self.timezone)) < now - self.duration

    @property
    def expression(self) -> str:
        """As CloudWatch writes it."""
        return f"cron({self.cron})" if self.cron is not None else f"at({self.at})"

    @property
    def iso_duration(self) -> str:
        """ISO 8601, as CloudWatch wants it: `PT2H`, `P2DT12H`."""
        days, seconds = self.duration.days, self.duration.seconds
        hours, minutes = seconds // _HOUR, seconds % _HOUR // 60
        time = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        return "P" + (f"{days}D" if days else "") + (f"T{time}" if time else "")


_MofN = Annotated[
    RunsOf,
    BeforeValidator(_runs_of),
    WithJsonSchema({"type": "string", "pattern": "^([1-9]|10) of ([1-9]|10)$", "examples": ["2 of 3"]}),
]
_Contacts = Annotated[
    list[Annotated[str, AfterValidator(_contact)]],
    BeforeValidator(as_list),
    AfterValidator(_without_twins),
    Field(max_length=50),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string", "format": "email"}, "maxItems": 50},
            ]
        }
    ),
]


class AlarmsDefinition(Model, defer_build=False):
    """When the check's alarms fire, and whom they notify besides the stack's own address."""

    unavailable: _MofN = Field(
        "2 of 3", validate_default=True, description="In alarm when M of the last N runs failed."
    )
    partial: _MofN = Field(
        "6 of 6",
        validate_default=True,
        description="In alarm when in M of the last N runs some place, but no quorum, could not reach the server.",
    )
    slow: _MofN = Field(
        "3 of 3", validate_default=True, description="In alarm when M of the last N runs were over a threshold."
    )
    not_running: Annotated[int, Field(ge=2, le=1440, strict=True)] = Field(
        3, description="In alarm when nothing was published for this many intervals."
    )
    certificate_days: Annotated[int, Field(ge=1, le=365, strict=True)] = Field(
        14, description="In alarm, and each run warns, when the certificate is valid for fewer days."
    )
    remind: Remind = Field(
        "1d", description="How often a reminder comes while the check stays in alarm; off for never.", examples=["4h"]
    )
    notify: _Contacts = Field(
        default_factory=list,
        description="E-mail addresses that get this check's alarms; each confirms once.",
        examples=[["ops@customer.example"]],
    )
    runbook: Annotated[str, AfterValidator(_web_address)] | None = Field(
        None, description="An http or https URL; every message shows it.", examples=["https://wiki.example/imap"]
    )
    mute: Annotated[list[MuteDefinition], Field(max_length=10)] = Field(
        default_factory=list, description="Windows in which this check's alarms send nothing."
    )

    @property
    def reminds_every(self) -> timedelta | None:
        """None where it never does."""
        hours = _REMIND_HOURS.get(self.remind)
        return None if hours is None else timedelta(hours=hours)


class SloDefinition(Model):
    """What the check's month is measured by."""

    available: Annotated[float, Field(gt=0, le=100, strict=True, allow_inf_nan=False)] = Field(
        description="The goal for the availability of a calendar month in UTC, in percent.", examples=[99.9]
    )
