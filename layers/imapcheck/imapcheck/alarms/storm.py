"""What many changes have in common: cause, address, beginning; and whether the monitor's own network is the suspect."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from imapcheck.alarms.causes import advice_of, failed_sending, server_of
from imapcheck.alarms.company import last_runs
from imapcheck.alarms.kind import Change, Others, Plot, clean
from imapcheck.alarms.kinds import UNAVAILABLE
from imapcheck.alarms.layout import names
from imapcheck.alarms.story import Setting
from imapcheck.failures import Category
from imapcheck.result import Failure
from imapcheck.wording import count

_OF_THE_WAY = frozenset({Category.DNS, Category.CONNECTION, Category.SSL, Category.TIMEOUT})
_AT_ONCE_PERIODS = 2
_OURS = (
    "Check the monitor's own network first: {hosts} failing within minutes of each other are rarely separate outages."
    " Try one of them from another network, such as a phone. If it works there, check the monitor's outbound path: NAT"
    " gateway, route, security group, DNS resolver, and AWS Health for this Region. If it fails there too, check each"
    " server in turn: {then}"
)


class Part(NamedTuple):
    """Which of how many stories this one is, where a storm needs several."""

    number: int = 1
    of: int = 1


class Reported(NamedTuple):
    """A change, what surrounds it, and its plot."""

    change: Change
    setting: Setting
    plot: Plot

    @property
    def cause(self) -> str:
        """`connect: connection_refused`."""
        return self.plot.why.partition(" - ")[0]

    @property
    def failure(self) -> Failure | None:
        return None if self.plot.run is None else self.plot.run.reason

    @property
    def server(self) -> str | None:
        """The URL of the server that failed."""
        return server_of(self.plot.run, self.setting.asked)

    @property
    def address(self) -> str | None:
        """What the run was connected to, or tried to connect to where there is one address alone."""
        if self.plot.run is not None and failed_sending(self.plot.run):
            return self.server
        address = None if self.plot.run is None else self.plot.run.server.address
        if address is None and self.failure is not None and self.failure.step == "connect":
            address = self.failure.detail.partition(": ")[0] if self.failure.detail.count(": ") == 1 else None
        return None if address is None else clean(address)

    @property
    def is_down(self) -> bool:
        """The check is unavailable, and is so still."""
        return self.change.kind is UNAVAILABLE and self.change.state == "ALARM" and self.setting.now is None


class Common(NamedTuple):
    """What more than half of those in alarm have in common."""

    cause: str
    items: Sequence[Reported]

    @property
    def advice(self) -> str | None:
        """Without a file's or a secret's name, where each of the checks has its own."""
        found = {item.plot.advice for item in self.items}
        first = self.items[0]
        if len(found) == 1 or first.plot.run is None:
            return found.pop() if len(found) == 1 else None
        asked = replace(first.setting.asked, file=None, secret="")
        return advice_of(first.plot.run, asked, worked_before=True)

    @property
    def headline(self) -> str:
        return Counter(item.plot.subject[0].lstrip(": ") for item in self.items).most_common(1)[0][0]

    @property
    def where(self) -> str:
        """`all on 192.0.2.10`, or `on 3 addresses: 192.0.2.10 (40), ..`; empty where no address is known."""
        return where(self.items)


def common(reported: Sequence[Reported]) -> Common | None:
    """The cause of more than half of those that are in alarm, and of two at least."""
    ringing = [item for item in reported if item.change.state == "ALARM" and item.plot.run is not None]
    [(cause, number)] = Counter(item.cause for item in ringing).most_common(1) or [("", 0)]
    if number < 2 or number * 2 <= len(ringing):
        return None
    return Common(cause, [item for item in ringing if item.cause == cause])


def where(items: Sequence[Reported]) -> str:
    addresses = Counter(item.address for item in items)
    if None in addresses or not addresses:
        return ""
    if len(addresses) == 1:
        return f"all on {next(iter(addresses))}"
    return f"on {len(addresses)} addresses: {names([f'{address} ({n})' for address, n in addresses.most_common()])}"


def groups(reported: Sequence[Reported]) -> list[list[Reported]]:
    """Those with the same word, cause and address, in the order of the first of each.

    A check of which several changes are reported stands by itself: they are read one after the other.
    """
    times = Counter(item.change.check for item in reported)
    found: dict[tuple[object, ...], list[Reported]] = {}
    for place, item in enumerate(reported):
        several = place if times[item.change.check] > 1 else None
        key = (item.plot.word, item.change.state, item.setting.now, item.cause, item.address, several)
        found.setdefault(key, []).append(item)
    return list(found.values())


class Company(NamedTuple):
    """All checks of the stack: how many, how many of them are in alarm, and the others as one of those in alarm has
    them."""

    total: int
    in_alarm: int
    others: Others

    @property
    def rest(self) -> str | None:
        """`The other 28 checks: last run good.`"""
        left = self.total - self.in_alarm
        if left < 1:
            return None
        whose = "The other check" if left == 1 else f"The other {left} checks"
        return last_runs(whose, self.others) or f"{whose}: not in alarm."


def company(reported: Sequence[Reported]) -> Company | None:
    """None where nobody knows the other checks."""
    seen = [item for item in reported if item.setting.others is not None]
    down = [item for item in seen if item.is_down]
    item = next(iter(down or seen), None)
    if item is None or item.setting.others is None:
        return None
    others, ours = item.setting.others, len({each.change.check for each in down})
    in_alarm = max(ours, others.in_alarm + bool(down))
    return Company(max(others.total + 1, ours), in_alarm, others)


def earliest(items: Sequence[Reported]) -> datetime | None:
    """When the first of them began."""
    return min((item.plot.since for item in items if item.plot.since is not None), default=None)


def suspects_us(reported: Sequence[Reported]) -> str | None:
    """What to do first where all checks of the stack, on several hosts, lost their servers at once; else None."""
    among = company(reported)
    if among is None or among.in_alarm < among.total or not all(item.is_down for item in reported):
        return None
    hosts = {item.server for item in reported} - {None}
    on = {item.address for item in reported}
    if len(hosts) < 2 or (len(on) == 1 and None not in on) or not all(_is_of_the_way(item) for item in reported):
        return None
    begun = [item.plot.since or item.change.at for item in reported]
    if max(begun) - min(begun) > _AT_ONCE_PERIODS * max(item.change.period for item in reported):
        return None
    shared = common(reported)
    then = shared.advice if shared is not None and shared.advice is not None else "each has its own reason below."
    return _OURS.format(hosts=count(len(hosts), "server"), then=f"{then[0].lower()}{then[1:]}")


def _is_of_the_way(item: Reported) -> bool:
    return item.failure is not None and item.failure.category in _OF_THE_WAY
