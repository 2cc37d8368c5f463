"""Telling our own shortage from the server's silence: no file descriptor, memory or buffer left in this machine."""

import errno
import socket
from contextlib import ExitStack

from imapcheck.errors import OutOfResources

_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_HELD_BY_A_LOOK_UP = 4
"""Files and sockets that a resolver has open at once, at most."""


def refuse_own(error: OSError | None) -> None:
    """Raise `OutOfResources` where `error` is a shortage of ours."""
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_MEMORY:
            raise out_of_resources(error) from error
    elif error is not None and error.errno in _OURS:
        raise out_of_resources(error) from error


def out_of_resources(error: Exception) -> OutOfResources:
    """The error of the monitor for what the system says."""
    words = getattr(error, "strerror", None) or str(error)
    return OutOfResources(f"this machine ran out of something the check needs: {words.lower()}")


def instead_of(error: OSError) -> OSError:
    """What made a look-up fail: `error`, or that nothing can be opened here, which resolvers call "no such name"."""
    try:
        with ExitStack() as opened:
            for _ in range(_HELD_BY_A_LOOK_UP):
                opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    except OSError as shortage:
        return shortage if shortage.errno in _OURS else error
    return error
