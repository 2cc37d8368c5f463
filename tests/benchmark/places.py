"""14. Home's own step times with and without places, in turn.

    PYTHONPATH=tests .venv/bin/python -m benchmark.places

The whole invocation of the function, warm, in one process, on a Dovecot on loopback. Places answer at once, with what a
true one says, from a process of their own: what is compared is home's session, which is over before they are asked.
"""

import gc
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmark.overhead import definition_of, fill
from benchmark.tables import table
from imapcheck.aws.invocation import Invocation
from imapcheck.aws.place import PlaceFunction, digest_of
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard
from imapcheck.definition.files import load_definition
from imapcheck.login.credentials import Credentials
from support.certificates import Certificates, make_certificates
from support.dovecot import PASSWORD, Dovecot
from support.lambda_api import lambda_api

PLACES = ("us-east-2", "ap-northeast-1")
RUNS = 100
WARM_UP = 4
REST_SECONDS = 0.1
WITHOUT, WITH = "without", "with"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


class _Secret(SecretReader):
    """One that is read already, as in a warm environment."""

    def read(self, name: str, *, fresh: bool = False, needs_host: bool = False) -> Credentials:
        return Credentials.model_validate({"username": "monitor", "password": PASSWORD, "host": "localhost"})

    def version(self, name: str) -> str:
        return name


def places(certificates: Certificates, folder: Path) -> list[str]:
    """The part of docs/performance.md."""
    medians = measure(certificates, folder)
    alone, asking = medians[WITHOUT], medians[WITH]
    steps = [step for step in alone if step not in ("session", "call")]
    rows = [
        [step, f"{alone[step]:.2f}", f"{asking[step]:.2f}", ratio(asking[step], alone[step])]
        for step in (*steps, "session")
    ]
    return [
        "## 14. Home's own times beside places",
        "",
        f"The function's invocation, warm, on a Dovecot on loopback: medians of {RUNS} runs in ms, with {len(PLACES)} places and without, in turn (who begins changes). Home asks when its",
        f"session is over, so no step should know of it. A call takes {asking['call'] - alone['call']:+.1f} ms where the places answer at once: the clients' own work.",
        "",
        *table("step | without places | with | ratio", rows),
    ]


def ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}" if other else "-"


def measure(certificates: Certificates, folder: Path) -> dict[str, dict[str, float]]:
    """Medians in ms, by side: each step, the `session`, and the whole `call`."""
    ca = str(certificates.ca)
    with Dovecot(certificates) as server:
        fill("127.0.0.1", server.imaps, ca)
        data = definition_of("localhost", server.imaps, ca) | {"secret": "imapcheck/bench"}
        for name, schedule in ((WITHOUT, {}), (WITH, {"places": PLACES})):
            (folder / f"{name}.json").write_text(json.dumps(data | {"schedule": {"every": "5m", **schedule}}))
        settings = Settings(definitions=folder, stack="stack", region="eu-central-1", allow_local_addresses=True)
        with answering(true_answer(folder)) as endpoint, patch.dict(os.environ, KEYS | {"AWS_ENDPOINT_URL": endpoint}):
            invocation = Invocation(settings, secrets=_Secret(), guard=LoginGuard())
            gc.freeze()
            return in_turns(invocation)


def in_turns(invocation: Invocation) -> dict[str, dict[str, float]]:
    """Medians; who begins changes with every round, as two sessions of Dovecot in a row are not alike."""
    sides = [(WITHOUT, 0), (WITH, len(PLACES))]
    taken: dict[str, list[dict[str, float]]] = {WITHOUT: [], WITH: []}
    for number in range(RUNS + WARM_UP):
        for check, asked in sides if number % 2 else reversed(sides):
            sample = run(invocation, check, asked)
            if number >= WARM_UP:
                taken[check].append(sample)
    return {
        check: {step: statistics.median(one[step] for one in samples) for step in samples[0]}
        for check, samples in taken.items()
    }


def run(invocation: Invocation, check: str, asked: int) -> dict[str, float]:
    time.sleep(REST_SECONDS)  # else the run after one that asked would find a server that has had a rest
    started = time.perf_counter()
    result = invocation.run({"check": check}, 170.0).result
    call = (time.perf_counter() - started) * 1000
    assert (result.verdict, len(result.unreached)) == ("up", 0), result.failure
    assert sum(place.looked for place in result.places or ()) == (asked + 1 if asked else 0), result.warnings
    return {**result.step_ms, "session": result.duration_ms, "call": call}


def true_answer(folder: Path) -> dict[str, Any]:
    """What a place says of this server."""
    place = PlaceFunction(Settings(definitions=folder, place=PLACES[0], allow_local_addresses=True))
    digest = digest_of(load_definition(folder / f"{WITH}.json"))
    answer = place.answer({"look": WITH, "digest": digest}, 30.0)
    assert answer["place"]["reached"], answer
    return answer


@contextmanager
def answering(answer: dict[str, Any]) -> Iterator[str]:
    """Lambda's API in a process of its own, where each place gives this answer; yields its URL."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, answer))
    server.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        server.join(10)


def _serve(pipe: Connection, answer: dict[str, Any]) -> None:
    with lambda_api(dict.fromkeys(PLACES, lambda _: answer)) as endpoint:
        pipe.send(endpoint)
        pipe.recv()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Dovecot's users read the certificates
        (folder / "definitions").mkdir()
        print("\n".join(places(make_certificates(folder), folder / "definitions")))


if __name__ == "__main__":
    main()
