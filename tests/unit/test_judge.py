"""One verdict from several places: every combination of who reached it, whose session failed, who was silent."""

from dataclasses import replace
from itertools import product

import pytest

from imapcheck import CheckDefinition
from imapcheck.check.judge import Seen, as_place, judged, verdict_of
from imapcheck.definition.asked import reach_only, reaches
from imapcheck.failures import FailureType
from imapcheck.result import CheckResult, PlaceFacts, StepResult, Verdict
from imapcheck.steps import STEP_NAMES, StepName
from support.results import failure, result

REACHING: list[StepName] = ["dns", "connect", "tls", "greeting", "capability"]
HOME, OTHERS = "eu-central-1", ("us-east-2", "ap-northeast-1", "sa-east-1", "af-south-1", "eu-west-1")
TIMEOUT = failure(FailureType.TIMEOUT, "connect", detail="192.0.2.7: no answer")
REFUSED = failure(FailureType.AUTHENTICATION_FAILED, "authenticate")
DEFINITION = CheckDefinition.model_validate(
    {"name": "mail", "server": "mail.example.com", "secret": "imapcheck/x",
     "schedule": {"every": "5m", "places": list(OTHERS)}}
)  # fmt: skip


def look(reached: bool | None, *, session: bool = True) -> CheckResult:
    """What a place, or home, found."""
    steps = tuple(StepResult(name, "passed", 5.0, None) for name in REACHING)
    if not reached:
        steps = (steps[0], StepResult("connect", "failed", 5000.0, TIMEOUT.detail))
        return replace(result("mail", TIMEOUT), steps=steps, transcript=("S: silence",))
    login = StepResult("authenticate", "passed" if session else "failed", 9.0, None)
    return replace(result("mail", *(() if session else (REFUSED,))), steps=(*steps, login))


def seen(place: str, reached: bool | None) -> Seen:
    if reached is None:
        return Seen(PlaceFacts(place, looked=False, reached=None), silent="no answer within 20 s")
    facts = as_place(place, look(reached))
    there = None if facts.failure is None else replace(facts.failure, place=place)
    return Seen(replace(facts, failure=there), look(reached).transcript)


@pytest.mark.parametrize(
    ("table", "verdict"),
    [("1 1 11", "up"), ("1 0 11", "down"), ("0 0 11", "partial"), ("0 0 01", "down"), ("1 1 01", "partial"),
     ("1 1 00", "down"), ("0 0 ??", "down"), ("1 1 ??", "up"), ("0 0 ?1", "partial"), ("1 1 ?0", "partial"),
     ("0 0 ?0", "down"), ("1 0 00", "down"), ("1 0 ??", "down")],
)  # fmt: skip
def test_three_places(table: str, verdict: Verdict) -> None:
    """Home reached it, its session was good, Ohio and Tokyo: the table of docs/places.md."""
    home, session, others = table.split()
    votes = [home == "1", *({"1": True, "0": False, "?": None}[vote] for vote in others)]
    assert verdict_of(votes, session_good=session == "1", quorum=2) == verdict


LETTERS: dict[str, Verdict] = {"U": "up", "P": "partial", "D": "down"}
# Written down by hand, so that it is no second copy of the code. By quorum a word for each number of places that
# looked, from one to six, and in it a letter for each number of them that failed, from none to all.
BY_QUORUM = {
    1: "UD  UDD  UDDD  UDDDD  UDDDDD  UDDDDDD",
    2: "UD  UPD  UPDD  UPDDD  UPDDDD  UPDDDDD",
    3: "UD  UPD  UPPD  UPPDD  UPPDDD  UPPDDDD",
    4: "UD  UPD  UPPD  UPPPD  UPPPDD  UPPPDDD",
    5: "UD  UPD  UPPD  UPPPD  UPPPPD  UPPPPDD",
    6: "UD  UPD  UPPD  UPPPD  UPPPPD  UPPPPPD",
}


@pytest.mark.parametrize("number", range(6), ids=lambda number: f"{number + 1} places")
@pytest.mark.parametrize("quorum", BY_QUORUM)
def test_every_combination(number: int, quorum: int) -> None:
    """Of home and up to five more: it reached the server, it did not, or it did not look."""
    words = BY_QUORUM[quorum].split()
    for home, others in product((True, False), product((True, False, None), repeat=number)):
        votes = [vote for vote in (home, *others) if vote is not None]
        wanted = LETTERS[words[len(votes) - 1][votes.count(False)]]
        assert verdict_of((home, *others), session_good=home, quorum=quorum) == wanted, (home, others)
        if home:
            assert verdict_of((home, *others), session_good=False, quorum=quorum) == "down", others


def test_table_has_every_number_of_places() -> None:
    """One that is looked up wrongly would be right by chance."""
    for line in BY_QUORUM.values():
        assert [len(word) for word in line.split()] == [2, 3, 4, 5, 6, 7]
        assert all(word[0] == "U" and word[-1] == "D" for word in line.split())


@pytest.mark.parametrize(("places", "votes"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4)])
def test_quorum_is_more_than_half_unless_given(places: int, votes: int) -> None:
    """Of the places that there are: home's own Region in the list is none besides home."""
    schedule = DEFINITION.schedule
    assert schedule is not None
    assert schedule.votes_for_down(places) == votes
    assert schedule.model_copy(update={"quorum": 5}).votes_for_down(places) == min(5, places)
    assert schedule.places_beside("sa-east-1") == tuple(place for place in OTHERS if place != "sa-east-1")


def test_metric_is_the_share_that_reached_it() -> None:
    """Of those that looked; a place that did not look is a warning."""
    run = judged(DEFINITION, HOME, look(True), [seen("us-east-2", False), seen("ap-northeast-1", None)], 2)
    assert (run.verdict, run.share_reached, run.available, run.failure) == ("partial", 50.0, True, None)
    assert [(place.place, place.looked, place.reached) for place in run.places or ()] == [
        (HOME, True, True), ("us-east-2", True, False), ("ap-northeast-1", False, None),
    ]  # fmt: skip
    assert [(item.type, item.detail) for item in run.warnings] == [
        ("place_silent", "ap-northeast-1: no answer within 20 s")
    ]
    assert run.login_tested is True
    assert [place.place for place in run.unreached] == ["us-east-2"]


def test_login_that_was_not_tested_is_told() -> None:
    """Home alone logs in: where it does not get there, the others' word is for reaching alone."""
    run = judged(DEFINITION, HOME, look(False), [seen("us-east-2", True), seen("ap-northeast-1", True)], 2)
    assert (run.verdict, run.available, run.login_tested) == ("partial", False, False)
    assert run.share_reached == 66.67
    assert run.failure is not None
    assert run.failure.place is None
    none = DEFINITION.model_copy(update={"authentication": "none", "secret": None})
    assert judged(none, HOME, look(False), [seen("us-east-2", True)], 2).login_tested is None


def test_quorum_of_others_brings_its_failure_and_transcript() -> None:
    """Home was fine, so what it saw explains nothing; the first in the definition's order does."""
    others = [seen("us-east-2", None), seen("ap-northeast-1", False), seen("sa-east-1", False)]
    run = judged(DEFINITION, HOME, look(True), others, 2)
    assert (run.verdict, run.available, run.share_reached) == ("down", True, 0.0)
    assert run.failure == replace(TIMEOUT, place="ap-northeast-1")
    assert [item.place for item in run.failures] == ["ap-northeast-1", "sa-east-1"]
    assert run.transcript == ("S: silence",)


def test_own_failure_comes_first() -> None:
    """Home first, then the definition's order."""
    run = judged(DEFINITION, HOME, look(False), [seen("us-east-2", False)], 2)
    assert run.verdict == "down"
    assert run.failure == TIMEOUT
    session = judged(DEFINITION, HOME, look(True, session=False), [seen("us-east-2", True)], 2)
    assert (session.verdict, session.failure, session.login_tested) == ("down", REFUSED, True)
    assert [place.reached for place in session.places or ()] == [True, True]


def test_capability_after_the_login_says_nothing_of_reaching() -> None:
    """It is asked again then, and its failure bears the same step's name."""
    lost = failure(FailureType.CONNECTION_LOST, "capability")
    run = replace(look(True), available=False, failure=lost, failures=(lost,))
    assert judged(DEFINITION, HOME, run, [seen("us-east-2", True)], 2).verdict == "down"
    early = replace(run, steps=run.steps[:-1])
    assert judged(DEFINITION, HOME, early, [seen("us-east-2", True)], 2).verdict == "partial"


def test_places_reach_and_do_no_more() -> None:
    """All that asks for a login is gone, the server's address and TLS are the same."""
    full = CheckDefinition.model_validate(
        {"name": "mail", "server": "imap://mail.example.com:143/", "secret": "imapcheck/x", "search": "x",
         "timeout": 60,
         "identify": True, "quota": {}, "retries": 1, "tls": {"verify": False, "allow_unverified_login": True},
         "new_message": {"from": "a@example.com", "to": "a@example.com", "subject": "s", "message": "m"}}
    )  # fmt: skip
    reach = reach_only(full, 15)
    assert (reach.authentication, reach.secret, reach.search, reach.new_message, reach.quota, reach.schedule) == (
        "none", None, None, None, None, None,
    )  # fmt: skip
    assert (reach.timeout, reach.host, reach.port, reach.tls, reach.retries) == (15, full.host, 143, full.tls, 1)
    assert reach_only(full.model_copy(update={"timeout": 5}), 15).timeout == 5
    assert [name for name in STEP_NAMES if reaches(name)] == [*REACHING, "starttls"]
