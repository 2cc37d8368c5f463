"""What became of a message that a check sent (docs/result.md, `delivery`)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hop:
    """A server that took the message, by what protocol, and how long after the one before it."""

    by: str | None
    with_: str | None
    seconds: float | None


@dataclass(frozen=True)
class DeliveryAuthentication:
    """What the receiving server found (RFC 8601): `pass`, `fail`, `none` ..; null where it says nothing."""

    spf: str | None
    dkim: str | None
    dmarc: str | None

    @property
    def words(self) -> str:
        """`spf=pass dkim=fail dmarc=fail`, what is known of it."""
        known = (("spf", self.spf), ("dkim", self.dkim), ("dmarc", self.dmarc))
        return " ".join(f"{name}={result}" for name, result in known if result is not None)


@dataclass(frozen=True)
class DeliveryFacts:
    """The message that was sent and accepted; all but `queued_as` is null until it was found in a mailbox.

    Times count from the sending server's acceptance: `arrival_ms` until the message was seen, `pushed_ms` until the
    server told of it while the check waited in IDLE.
    """

    queued_as: str | None
    mailbox: str | None = None
    arrival_ms: float | None = None
    pushed_ms: float | None = None
    hops: tuple[Hop, ...] = ()
    authentication: DeliveryAuthentication | None = None
