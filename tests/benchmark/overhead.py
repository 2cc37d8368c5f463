"""1. What our session costs over the raw one, in process, on loopback; 2. round trips at 20 ms each way."""

import gc
import json
import re
import ssl
import statistics
from collections.abc import Callable
from typing import Any

from benchmark.raw_session import STEPS, RawSession
from imapcheck import CheckDefinition, Credentials, run_check
from imapcheck.check.message import Draft
from support.dovecot import PASSWORD
from support.mailbox_probe import Probe

TERM = "benchmark needle"
MESSAGE = {"from": "a@example.com", "to": "b@example.com", "subject": "bench", "message": "Bench.", "mailbox": None}


def fill(host: str, port: int, ca: str) -> None:
    """Put the message that is searched for into both users' INBOX."""
    for user in ("monitor", "bystander"):
        probe = Probe(host, port, ca, user, PASSWORD, server_name="localhost")
        probe.put("INBOX", f"Subject: {TERM}\r\n\r\nFound.\r\n".encode())
        probe.close()


def definition_of(host: str, port: int, ca: str) -> dict[str, Any]:
    """The full reference check as a definition's JSON."""
    return {
        "server": f"{host}:{port}",
        "search": TERM,
        "new_message": MESSAGE,
        "tls": {"ca_file": ca, "server_name": "localhost"},
        "timeout": 60,
    }


def definition(host: str, port: int, ca: str) -> CheckDefinition:
    return CheckDefinition.model_validate({"name": "bench", **definition_of(host, port, ca)})


def compare(host: str, port: int, ca: str, password: str, runs: int) -> dict[str, dict[str, float]]:
    """Medians in ms by step, `raw` and `ours`, taken in turn so that the machine's moods hit both alike.

    The collector is frozen as in the handler and on the command line, for both.

    Each has a mailbox of its own, as Dovecot reads a mailbox anew that another session has changed.
    """
    context = ssl.create_default_context(cafile=ca)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    raw = RawSession(host, port, context, "bystander", password, TERM)
    check = definition(host, port, ca)
    assert check.new_message is not None
    octets = Draft(check.new_message, "bench").dated().octets
    credentials = Credentials.model_validate({"username": "monitor", "password": password})

    gc.freeze()

    def ours() -> dict[str, float]:
        result = run_check(check, credentials)
        assert result.available, result.failure
        times: dict[str, float] = {step.name: step.duration_ms or 0.0 for step in result.steps}
        return {
            **{step: times[step] for step in ("dns", *STEPS)},
            "total": result.duration_ms,
            "needed": round_trips(result.transcript),
        }

    return in_turn({"raw": lambda: raw.run(octets), "ours": ours}, runs)


def round_trips(transcript: tuple[str, ...]) -> int:
    """What a session over TLS 1.3 needs: connect, handshake, greeting, each command and each continuation."""
    return 3 + sum(re.match(r"C: [A-Z]\d+ |S: \+", line) is not None for line in transcript)


def in_turn(sides: dict[str, Callable[[], dict[str, float]]], runs: int) -> dict[str, dict[str, float]]:
    """Medians of each side's steps, the sides taking turns."""
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(runs + 3):
        for name, side in sides.items():
            sample = side()
            if number >= 3:
                samples[name].append(sample)
    return {
        name: {step: statistics.median(one[step] for one in taken) for step in taken[0]}
        for name, taken in samples.items()
    }


def main() -> None:
    """Run inside a network namespace: arguments as JSON on the command line, medians as JSON on stdout."""
    import sys

    print(json.dumps(compare(**json.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
