"""The kinds of alarm that a check has: adding one begins with its class and its line here."""

from imapcheck.alarms.alarm import Signal
from imapcheck.alarms.certificate import Certificate
from imapcheck.alarms.kind import AlarmKind
from imapcheck.alarms.not_running import NotRunning
from imapcheck.alarms.partial import Partial
from imapcheck.alarms.slow import Slow
from imapcheck.alarms.unavailable import Unavailable

UNAVAILABLE, NOT_RUNNING, PARTIAL = Unavailable(), NotRunning(), Partial()
SLOW, CERTIFICATE = Slow(), Certificate()
KINDS: tuple[AlarmKind, ...] = (UNAVAILABLE, NOT_RUNNING, PARTIAL, SLOW, CERTIFICATE)
"""Worst first."""


def kind_of(signal: Signal) -> AlarmKind | None:
    """The kind whose alarms look at this."""
    return next((kind for kind in KINDS if signal in kind.signals), None)
