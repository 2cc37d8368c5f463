"""Home asks the other places: a function in each Region, all at once, after its own look is over.

A place that gives no answer, an error, or what is no answer did not look: that is ours to fix, and never an outage.
What comes back is another function's word and is read as hostile: bounded, validated, cleaned.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imapcheck.aws.place import MOST_TRANSCRIPT, digest_of
from imapcheck.aws.session import session
from imapcheck.check.judge import Seen, judged
from imapcheck.definition.asked import reaches
from imapcheck.definition.model import CheckDefinition
from imapcheck.result import CheckResult, Failure, PlaceFacts, StepResult
from imapcheck.text import one_line
from imapcheck.wording import length

if TYPE_CHECKING:
    from concurrent.futures import Future

MOST_OCTETS = 64_000
_LONGEST_DETAIL, _LONGEST_NOTE = 300, 100


class _Silent(Exception):
    """A place that did not look, and why."""


class Places:
    """The clients, one a Region, made once an environment: a client of one Region refuses another's functions."""

    longest_wait_seconds = 20.0

    def __init__(self, function: str, home: str) -> None:
        self._function = function
        self._home = home
        self._clients: dict[str, Any] = {}

    def connect(self, regions: Iterable[str]) -> None:
        """Make the clients that are not there yet."""
        missing = [region for region in regions if region not in self._clients]
        if not missing:
            return
        from botocore.config import Config

        config = Config(
            connect_timeout=5,
            read_timeout=self.longest_wait_seconds + 1,
            retries={"total_max_attempts": 1},
            tcp_keepalive=True,
        )
        maker = session()
        for region in missing:
            self._clients[region] = maker.client("lambda", region_name=region, config=config)

    def judged(
        self, definition: CheckDefinition, result: CheckResult, regions: Sequence[str], seconds: float
    ) -> CheckResult:
        """`result`, which is home's, with what the regions see now that its session is over: no time is disturbed."""
        assert definition.schedule is not None
        others = self.ask(definition, regions, seconds)
        return judged(definition, self._home, result, others, definition.schedule.votes_for_down(1 + len(regions)))

    def ask(self, definition: CheckDefinition, regions: Sequence[str], seconds: float) -> list[Seen]:
        """What each of the regions saw, in their order, within so many seconds and never more than 20."""
        from concurrent.futures import ThreadPoolExecutor, wait  # only checks with places pay for loading it

        most = max(0.0, min(seconds, self.longest_wait_seconds))
        try:
            event = json.dumps({"look": definition.label, "digest": digest_of(definition)}).encode()
            self.connect(regions)
            threads = ThreadPoolExecutor(len(regions), thread_name_prefix="place")
            answers = [threads.submit(self._ask, region, event) for region in regions]
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here must not take home's own result along
            return [_silent(region, f"it could not be asked: {type(error).__name__}") for region in regions]
        wait(answers, timeout=most)
        # One that hangs is left behind: its read times out by itself.
        threads.shutdown(wait=False, cancel_futures=True)
        return [_seen(region, answer, most) for region, answer in zip(regions, answers, strict=True)]

    def _ask(self, region: str, event: bytes) -> bytes:
        answer = self._clients[region].invoke(FunctionName=self._function, Payload=event)
        content: bytes = answer["Payload"].read(MOST_OCTETS + 1)
        if "FunctionError" in answer:
            raise _Silent(f"its function failed: {_error_of(content)}")
        return content


def _seen(region: str, answer: "Future[bytes]", waited: float) -> Seen:
    try:
        if answer.done() and not answer.cancelled():
            return read_answer(region, answer.result())
        why = f"no answer within {length(waited * 1000)}"
    except _Silent as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - see above
        why = f"{type(error).__name__}: {error}"
    return _silent(region, why)


def _silent(region: str, why: str) -> Seen:
    return Seen(PlaceFacts(region, looked=False, reached=None), silent=one_line(why, _LONGEST_DETAIL))


def read_answer(region: str, content: bytes) -> Seen:
    """What a place's answer says. Raises `_Silent` for anything that is not one."""
    if len(content) > MOST_OCTETS:
        raise _Silent("its answer is too long")
    answer = _object(content)
    if isinstance(answer.get("silent"), str):
        raise _Silent(answer["silent"])
    facts, transcript = answer.get("place"), answer.get("transcript")
    try:
        found = PlaceFacts.from_dict(facts)
    except (ValueError, RecursionError):
        raise _Silent("its answer is none") from None
    if not isinstance(facts, dict) or not isinstance(facts["reached"], bool) or not isinstance(transcript, str):
        raise _Silent("its answer is none")
    lines = [one_line(line, 1000) for line in transcript[:MOST_TRANSCRIPT].split("\n")]
    failure = None if found.reached else _failure(found.failure, region)
    steps = {step.name: _step(step) for step in found.steps if reaches(step.name)}
    return Seen(PlaceFacts(region, True, found.reached, failure, tuple(steps.values())), transcript=tuple(lines))


def _failure(failure: Failure | None, region: str) -> Failure:
    if failure is None or not reaches(failure.step):
        raise _Silent("its answer does not say what failed")
    return replace(
        failure,
        category=failure.type.category,
        detail=one_line(failure.detail, _LONGEST_DETAIL),
        response_code=None if failure.response_code is None else one_line(failure.response_code, 40),
        advice=one_line(failure.advice, _LONGEST_DETAIL),
        place=region,
    )


def _step(step: StepResult) -> StepResult:
    took = None if step.duration_ms is None else max(0.0, step.duration_ms)
    detail = None if step.detail is None else one_line(step.detail, _LONGEST_NOTE)
    return replace(step, duration_ms=took, detail=detail)


def _error_of(content: bytes) -> str:
    """What the runtime says of an exception: its type and text, or that it took too long."""
    error = _object(content[:MOST_OCTETS])
    return ": ".join(str(error[key]) for key in ("errorType", "errorMessage") if error.get(key)) or "no reason given"


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _Silent("its answer is no JSON") from None
    if not isinstance(found, dict):
        raise _Silent("its answer is no object")
    return found
