"""A calendar month in UTC, in which all figures of a report are told."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, order=True)
class Month:
    """`str()` is `2026-11`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Read `2026-11`. Raises `ValueError` for what is no month."""
        match = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text)
        if match is None or not 1 <= int(match[2]) <= 12 or not 1970 <= int(match[1]) < 3000:
            raise ValueError("no month such as 2026-11")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """The month that `moment`, a time with its zone, lies in."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, moment.month)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment that is no longer in it."""
        return datetime(self.year + self.number // 12, self.number % 12 + 1, 1, tzinfo=UTC)

    @property
    def before(self) -> "Month":
        """The month before."""
        return Month.of(self.start - timedelta(days=1))

    @property
    def days(self) -> tuple[datetime, ...]:
        """The beginning of each day."""
        return tuple(self.start + timedelta(days=number) for number in range((self.end - self.start).days))

    @property
    def name(self) -> str:
        """`November 2026`."""
        return f"{self.word} {self.year}"

    @property
    def word(self) -> str:
        """`November`."""
        return f"{self.start:%B}"

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
