"""Any result that a run can have, for Hypothesis: every field, in texts as `run_check` makes them."""

from datetime import UTC, datetime
from typing import get_args

from hypothesis import strategies as st

from imapcheck.failures import FailureType
from imapcheck.result import (
    CheckResult,
    Exceeded,
    Failure,
    NewMessageFacts,
    PlaceFacts,
    QuotaFacts,
    ResultWarning,
    SearchFacts,
    ServerFacts,
    StepResult,
    TlsFacts,
    Verdict,
    WarningType,
)
from imapcheck.steps import STEPS, StepName
from imapcheck.text import printable

TEXT = st.text(max_size=12).map(printable)
MS = st.floats(0, 200_000).map(lambda time: round(time, 3))
COUNT = st.integers(0, 2**40)
NAMES: st.SearchStrategy[StepName] = st.sampled_from([*STEPS.values()]).map(lambda step: step.name)
WARNINGS: st.SearchStrategy[WarningType] = st.sampled_from(get_args(WarningType.__value__))
FAILURES = st.builds(
    lambda step, kind, detail, code, advice, place: Failure(step, kind, kind.category, detail, code, advice, place),
    NAMES,
    st.sampled_from(FailureType),
    TEXT,
    st.none() | TEXT,
    TEXT,
    st.none() | TEXT,
)
ANY_STEPS = st.one_of(
    st.builds(StepResult, NAMES, st.sampled_from(["passed", "failed", "refused"]), MS, st.none() | TEXT),
    st.builds(StepResult, NAMES, st.just("skipped"), st.none(), TEXT),
)
TLS = st.builds(
    TlsFacts, st.none() | TEXT, st.none() | TEXT, st.booleans(), st.none() | TEXT, st.none() | TEXT, st.none() | TEXT,
    st.none() | st.floats(-4000, 40_000), st.lists(TEXT, max_size=10).map(tuple), st.none() | st.integers(0, 20),
    st.none() | TEXT,
)  # fmt: skip
ADDRESSES = st.ip_addresses().map(str)
SERVERS = st.builds(
    ServerFacts, TEXT, st.integers(1, 65_535), st.none() | ADDRESSES, st.lists(ADDRESSES, max_size=5).map(tuple),
    st.none() | TLS,
)  # fmt: skip
PLACES = st.builds(
    lambda place, reached, failure, steps: PlaceFacts(place, reached is not None, reached, failure, steps),
    TEXT, st.none() | st.booleans(), st.none() | FAILURES, st.lists(ANY_STEPS, max_size=6).map(tuple),
)  # fmt: skip
MOMENTS = st.integers(10**12, 4 * 10**12).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@st.composite
def results(draw: st.DrawFn, most: int = 1) -> CheckResult:
    """Lists are as long as the log line has them, or `most` times as long."""
    failures = tuple(draw(st.lists(FAILURES, max_size=2 * most)))
    places = draw(st.none() | st.lists(PLACES, min_size=1, max_size=6).map(tuple))
    available = not failures or (places is not None and draw(st.booleans()))
    verdicts: list[Verdict] = ["up", "partial", "down"] if failures else ["up", "partial"]
    return CheckResult(
        check=draw(st.none() | TEXT),
        run_id=draw(TEXT),
        started_at=draw(MOMENTS),
        available=available,
        slow=draw(st.booleans()),
        duration_ms=draw(MS),
        attempts=draw(st.integers(1, 9)),
        earlier_failures=tuple(draw(st.lists(FAILURES, max_size=most))),
        server=draw(SERVERS),
        steps=tuple(draw(st.lists(ANY_STEPS, unique_by=lambda step: step.name, max_size=18))),
        failure=failures[0] if failures else None,
        search=draw(st.none() | st.builds(SearchFacts, COUNT, st.none() | COUNT, st.none() | MS, st.none() | COUNT)),
        new_message=draw(
            st.none()
            | st.builds(
                NewMessageFacts, st.none() | TEXT, st.none() | TEXT, st.none() | COUNT, st.none() | COUNT, COUNT,
                st.none() | MS,
            )
        ),
        token_ms=draw(st.none() | MS),
        transcript=() if not failures else tuple(draw(st.lists(TEXT.filter(bool), max_size=9))),
        failures=failures,
        warnings=tuple(draw(st.lists(st.builds(ResultWarning, WARNINGS, TEXT), max_size=3 * most))),
        exceeded=tuple(draw(st.lists(st.builds(Exceeded, NAMES | st.just("total"), MS, MS), max_size=4 * most))),
        quota=draw(st.none() | st.builds(QuotaFacts, MS, TEXT)),
        verdict=draw(st.sampled_from(verdicts)),
        login_tested=draw(st.none() | st.booleans()),
        places=places,
        version=draw(TEXT),
    )  # fmt: skip
