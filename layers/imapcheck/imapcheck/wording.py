"""How people read times, lengths, sizes, shares, counts and failures: each is spelled here and nowhere else."""

import math
from datetime import UTC, datetime, timedelta, tzinfo

_MIB = 1 << 20
_MINUTES_FROM_MS, _MINUTES_ALONE_FROM_MS = 90_000, 600_000


def date(moment: datetime, now: datetime | None = None, *, seconds: bool = False) -> str:
    """`24 Nov 2026 10:12 UTC`, without the year if it is `now`'s. Without `now` the text may be read at any time."""
    moment = moment.astimezone(UTC)
    year = "" if now is not None and now.astimezone(UTC).year == moment.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year} {moment:{'%H:%M:%S' if seconds else '%H:%M'}} UTC"


def day(moment: datetime) -> str:
    """`24 Nov`."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b}"


def clock(moment: datetime, now: datetime, *, seconds: bool = False) -> str:
    """`10:12 UTC`, or the date too if it is not `now`'s."""
    moment, now = moment.astimezone(UTC), now.astimezone(UTC)
    told = date(moment, now, seconds=seconds)
    return " ".join(told.split()[-2:]) if moment.date() == now.date() else told


def between(first: datetime, last: datetime, now: datetime | None = None) -> str:
    """`24 Nov 10:15 to 10:50 UTC`."""
    return f"{date(first, now).removesuffix(' UTC')} to {clock(last, first)}"


def clocks(first: datetime, last: datetime, now: datetime) -> str:
    """`10:15 to 10:50 UTC`, each with its date if it is not `now`'s."""
    return f"{clock(first, now).removesuffix(' UTC')} to {clock(last, now)}"


def local_clock(moment: datetime, zone: tzinfo) -> str:
    """`11:12 CET`, with the day where it is another there than in UTC."""
    local = moment.astimezone(zone)
    day = "" if local.date() == moment.astimezone(UTC).date() else f"{local.day} {local:%b} "
    return f"{day}{local:%H:%M %Z}"


def local_clocks(first: datetime, last: datetime, zone: tzinfo) -> str:
    """`11:15 to 11:50 CET`, each with its day where it is another there than in UTC."""
    return f"{local_clock(first, zone).rpartition(' ')[0]} to {local_clock(last, zone)}"


def length(ms: float) -> str:
    """What was measured, in milliseconds: `<0.1 ms`, `0.4 ms`, `412 ms`, `5.4 s`, `2 min 10 s`, then as `elapsed`."""
    if ms < _MINUTES_FROM_MS:
        return _short(max(0.0, ms), 0)
    if ms >= _MINUTES_ALONE_FROM_MS:
        return elapsed(timedelta(milliseconds=ms))
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"


def elapsed(passed: timedelta) -> str:
    """A stretch of days and hours: `45 s`, `35 min`, `2 h 5 min`, `2 d 3 h`."""
    seconds = max(0, round(passed.total_seconds()))
    if seconds < _MINUTES_FROM_MS / 1000:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    for size, unit, small, small_unit in ((1440, "d", 60, "h"), (60, "h", 1, "min")):
        if minutes >= size:
            rest = minutes % size // small
            return f"{minutes // size} {unit} {rest} {small_unit}" if rest else f"{minutes // size} {unit}"
    return f"{minutes} min"


def apart(ms: float, limit_ms: float) -> tuple[str, str]:
    """Two lengths as they are compared: with as many digits as it takes to tell them apart."""
    pair = length(ms), length(limit_ms)
    for digits in range(-1, 7):
        if pair[0] == pair[1]:
            pair = _short(ms, digits), _short(limit_ms, digits)
    return pair


def _short(ms: float, digits: int) -> str:
    """In ms below a second, else in s; `digits` more than usual."""
    if ms >= 999.5:
        return f"{number(ms / 1000, digits + 1)} s"
    text = number(ms, digits + (ms < 9.95))
    return "<0.1 ms" if text == "0" and ms > 0 else f"{text} ms"


def number(value: float, digits: int) -> str:
    """A number with at most so many digits behind the point, and no zeros at its end: `5.4`, `30`."""
    text = f"{value:.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """Percent, rounded down to a hundredth: `99.85 %`. `100 %` is said where nothing is missing, and nowhere else."""
    return f"{number(math.floor(round(share * 100, 6)) / 100, 2)} %"


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def days(number: float) -> str:
    """`1 day`, `13 days`: whole days, rounded down: never more than there are."""
    return count(int(number), "day")


def days_left(number: float) -> str:
    """`13 days left`, or `expired 2 days ago`."""
    return f"{days(number)} left" if number >= 0 else f"expired {days(-number)} ago"


def expires(number: float) -> str:
    """`expires in 13 days`, or `expired 2 days ago`."""
    return f"expires in {days(number)}" if number >= 0 else f"expired {days(-number)} ago"


def size(octets: int) -> str:
    """`12,345 bytes`, and from 1 MiB on `5.3 MiB`."""
    return f"{number(octets / _MIB, 1)} MiB" if octets >= _MIB else f"{octets:,} byte{'' if octets == 1 else 's'}"


def excess(octets: int, limit: int) -> str:
    """Octets over a limit: `30 MiB; the limit is 25 MiB`; close to it or below 1 MiB exact, as in a definition."""
    if max(octets, limit) < _MIB or size(octets) == size(limit):
        return f"{octets} bytes; the limit is {limit}"
    return f"{size(octets)}; the limit is {size(limit)}"


def over_limit(name: str, ms: float, limit_ms: float) -> str:
    """`total took 6 ms (limit 1 ms)`."""
    took, most = apart(ms, limit_ms)
    return f"{name} took {took} (limit {most})"


def failure_line(step: str, type: str, detail: str = "") -> str:
    """`authenticate: authentication_failed: NO wrong password`."""
    return ": ".join(filter(None, (step, type, detail)))


def warning_line(type: str, detail: str = "") -> str:
    """`warning: quota: STORAGE is 91 % full`."""
    return failure_line("warning", type, detail)
