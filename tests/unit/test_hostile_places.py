"""Whatever a place answers, home gets what a place saw or that it did not look: one clean line, and no exception."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck import CheckDefinition
from imapcheck.aws.places import MOST_OCTETS, _Silent, read_answer
from imapcheck.check.judge import Seen, judged
from imapcheck.result import CheckResult
from support.results import result

OHIO = "us-east-2"
STEP = {"name": "connect", "status": "failed", "duration_ms": 5.0, "detail": "192.0.2.7: refused"}
FAILURE = {
    "step": "connect", "type": "connection_refused", "category": "connection", "detail": "192.0.2.7: refused",
    "response_code": None, "advice": "Start it.", "place": None,
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "place": {"place": OHIO, "looked": True, "reached": False, "failure": FAILURE, "steps": [STEP]},
    "transcript": "C: hello\nS: no",
}
PATHS = [
    (), ("place",), ("transcript",), ("silent",), *(("place", key) for key in ANSWER["place"]),
    *(("place", "failure", key) for key in FAILURE), *(("place", "steps", 0, key) for key in STEP),
]  # fmt: skip
UNPRINTABLE = st.text(st.characters(categories=["Cs", "Cc"]))
TRAPS = st.sampled_from([10**400, "\ud800", "\x1b[2J", "x" * 30_000, "a\nb", "authenticate", "dns", "timeout", True])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | UNPRINTABLE | TRAPS
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
DEFINITION = CheckDefinition.model_validate(
    {"name": "mail", "server": "mail.example.com", "secret": "x", "schedule": {"every": "5m", "places": [OHIO]}}
)


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """A true answer, of which one part is another."""
    if not path:
        return value
    answer = copy.deepcopy(ANSWER)
    inner: Any = answer
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return answer


def read(content: bytes) -> Seen | None:
    try:
        return read_answer(OHIO, content)
    except _Silent:
        return None


@given(st.sampled_from(PATHS), JSON)
def test_any_part_may_be_anything(path: tuple[Any, ...], value: Any) -> None:
    """What is taken is home's word for the place, and fits a result, its log line and the way back."""
    seen = read(json.dumps(changed(path, value)).encode())
    if seen is None:
        return
    assert (seen.facts.place, seen.facts.looked) == (OHIO, True)
    assert (seen.facts.failure is None) is seen.facts.reached
    run = judged(DEFINITION, "eu-central-1", result("mail"), [seen], 1)
    content = json.loads(json.dumps(run.to_dict(), allow_nan=False))
    assert CheckResult.from_dict(content).places == run.places
    texts = [*seen.transcript, *(str(item) for item in texts_in(content["places"]))]
    assert all(text.isprintable() and len(text) <= 1000 for text in texts)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        return [text for item in (value.values() if isinstance(value, dict) else value) for text in texts_in(item)]
    return [value] if isinstance(value, str) else []


@given(st.binary(max_size=200))
def test_any_octets(content: bytes) -> None:
    """Nor is it JSON that must come."""
    read(content)


@pytest.mark.parametrize(
    "content",
    [b"[" * MOST_OCTETS, b'{"place":' * 9_000 + b"1" + b"}" * 9_000, b"9" * 5_000, b'{"silent": ' + b"9" * 5_000 + b"}",
     b'{"place": ' + b'{"a":' * 400 + b"1" + b"}" * 400 + b', "transcript": ""}', b"NaN", b'"x"', b"null", b""],
    ids=lambda content: ascii(content[:20]),
)  # fmt: skip
def test_what_parsers_stumble_over(content: bytes) -> None:
    """Depth, digits, and words that are no object."""
    assert read(content) is None


def test_the_true_answer_is_taken() -> None:
    """Else the tests above would show nothing."""
    seen = read(json.dumps(ANSWER).encode())
    assert seen is not None
    assert seen.facts.failure is not None
    assert [step.name for step in seen.facts.steps] == ["connect"]
