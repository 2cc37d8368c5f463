"""Names to addresses, in time.

`getaddrinfo` knows no time-out and cannot be cancelled, so it runs in a daemon thread. A name has at
most one look-up under way: a later run joins it, so that a dead resolver costs one thread a name. Its addresses
count for all of them, its error only for those who asked before it began.
"""

import errno
import os
import socket
import threading
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.network.shortage import instead_of, out_of_resources, refuse_own
from imapcheck.trace import Deadline

_NAT64 = IPv6Network("64:ff9b::/96")

type Address = IPv4Address | IPv6Address

_NO_SUCH_NAME = {
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)
}


class Resolved(NamedTuple):
    """Addresses in the system's order (RFC 6724), without duplicates.

    `overhead` is the part of the wait, in seconds, that was not the resolver's but our thread's.
    """

    addresses: list[Address]
    overhead: float


class _LookUp:
    """One `getaddrinfo` under way."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.began = time.monotonic()
        self.seconds = 0.0
        self.done = threading.Event()
        self.addresses: list[Address] = []
        self.error: OSError | None = None

    def run(self) -> None:
        started = time.perf_counter()
        try:
            found = socket.getaddrinfo(self.host.encode("ascii"), None, type=socket.SOCK_STREAM)
            self.seconds = time.perf_counter() - started
            self.addresses = list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
        except MemoryError:
            self.error = OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        except OSError as error:
            self.error = instead_of(error)
        except (UnicodeError, ValueError):
            self.error = socket.gaierror(socket.EAI_NONAME, "not a name that can be looked up")
        finally:
            with _lock:
                _pending.pop(self.host, None)
            self.done.set()


_lock = threading.Lock()
_pending: dict[str, _LookUp] = {}


def resolve(host: str, deadline: Deadline) -> Resolved:
    """Look `host` up.

    Raises `CheckFailure` (`name_not_resolved`, `resolver_failed` or `timeout`) and `OutOfResources`.
    """
    if host == "invalid" or host.endswith(".invalid"):  # RFC 6761 section 6.4: never asked, never there
        raise CheckFailure(FailureType.NAME_NOT_RESOLVED, f"{host}: no such name (.invalid never exists)")
    started = time.perf_counter()
    lookup = _ended(host, deadline)
    if lookup.error is not None:
        refuse_own(lookup.error)
        raise _failure(host, lookup.error) from lookup.error
    if not lookup.addresses:
        raise CheckFailure(FailureType.NAME_NOT_RESOLVED, f"{host}: the name has no address")
    # Never below zero: whoever joins a look-up that is under way waits for a part of it only.
    return Resolved(lookup.addresses, max(0.0, time.perf_counter() - started - lookup.seconds))


def is_local(address: Address) -> bool:
    """Loopback, link-local or unspecified, IPv4-mapped ones too: inside Lambda the runtime API listens there."""
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or _translated(address) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


def _translated(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a NAT64 of the well-known prefix would reach (RFC 6052)."""
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def is_local_name(host: str) -> bool:
    """A name or literal address of such an address: `localhost` and what is below it are no others (RFC 6761)."""
    try:
        return is_local(ip_address(host))
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _ended(host: str, deadline: Deadline) -> _LookUp:
    """A look-up that has ended: with addresses, or with an error that is not older than the question.

    What an earlier run asked for may fail only now, long after the resolver is well again.
    """
    asked = time.monotonic()
    while True:
        lookup = _join(host)
        if not lookup.done.wait(deadline.remaining()):
            raise CheckFailure(FailureType.TIMEOUT, f"{host}: the resolver did not answer in time")
        if lookup.error is None or lookup.began >= asked:
            return lookup


def _join(host: str) -> _LookUp:
    """The look-up under way, else a new one."""
    with _lock:
        lookup = _pending.get(host)
        if lookup is None:
            lookup = _LookUp(host)
            try:
                threading.Thread(target=lookup.run, name=f"resolve {host}", daemon=True).start()
            except RuntimeError as error:
                raise out_of_resources(error) from error
            _pending[host] = lookup  # it ends under the same lock: never before this line
        return lookup


def _failure(host: str, error: OSError) -> CheckFailure:
    if isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME:
        return CheckFailure(FailureType.NAME_NOT_RESOLVED, f"{host}: no such name ({error.strerror})")
    return CheckFailure(FailureType.RESOLVER_FAILED, f"{host}: the resolver failed ({error.strerror or error})")
