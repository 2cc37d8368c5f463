"""Home asks the other places: a look, a digest, an answer; whatever else comes back is a place that did not look."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import NEW_MESSAGE
from imapcheck.aws import places as asking
from imapcheck.aws.invocation import Invocation
from imapcheck.aws.place import MOST_TRANSCRIPT, PlaceFunction, digest_of
from imapcheck.aws.places import MOST_OCTETS, Places, read_answer
from imapcheck.aws.preload import places_named
from imapcheck.aws.settings import Settings
from imapcheck.check.login_pause import LoginGuard
from imapcheck.definition.files import load_definition
from imapcheck.errors import DefinitionError, NoTimeLeft
from imapcheck.login.credentials import Credentials
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.lambda_api import Crash, Function, Refuse, lambda_api
from support.wire_server import Dialect, WireServer

OHIO, TOKYO = "us-east-2", "ap-northeast-1"


class Secrets:
    """A reader that needs no AWS."""

    def connect(self) -> None:
        """Nothing to do."""

    def version(self, name: str) -> str:
        return name

    def read(self, name: str, *, fresh: bool, needs_host: bool) -> Credentials:
        return Credentials.model_validate({"username": "alice", "password": PASSWORD, "host": "localhost"})


type Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, certificates: Certificates, server_context: Any) -> Write:
    """Put the definition `mail` into a folder, as each Region has its own layer."""

    def put(folder: str, port: int, **fields: Any) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "ca.pem").write_bytes(certificates.ca.read_bytes())
        data = {
            "server": f"imaps://localhost:{port}/", "secret": "imapcheck/mail", "tls": {"ca_file": "ca.pem"},
            "new_message": NEW_MESSAGE, "timeout": 5, "schedule": {"every": "5m", "places": [OHIO, TOKYO]},
        }  # fmt: skip
        (tmp_path / folder / "mail.json").write_text(json.dumps(data | fields), encoding="utf-8")
        return tmp_path / folder

    return put


@pytest.fixture
def closed() -> Iterator[int]:
    """A port at which nobody listens, and nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def place(folder: Path, region: str = OHIO) -> PlaceFunction:
    return PlaceFunction(Settings(definitions=folder, stack="stack", place=region, allow_local_addresses=True))


def there(folder: Path, region: str) -> Function:
    """The function of a place, whose definitions lie in `folder`."""
    function = place(folder, region)
    return lambda event: function.answer(event, 30.0)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `mail` at home beside places that answer as `functions` say."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    def run(folder: Path, functions: dict[str, Function], event: object = None) -> Any:
        settings = Settings(definitions=folder, stack="stack", region="eu-central-1", allow_local_addresses=True)
        with lambda_api(functions) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
            invocation = Invocation(settings, secrets=Secrets(), guard=LoginGuard())  # type: ignore[arg-type]
            return invocation.run(event or {"check": "mail"}, 170.0)

    return run


def warned(run: Any) -> dict[str, str]:
    found = (item.detail.partition(": ") for item in run.result.warnings if item.type == "place_silent")
    return {region: why for region, _, why in found}


def test_places_see_what_home_sees(home: Any, write: Write, server_context: Any) -> None:
    """Each reaches the server and logs in nowhere; home logs in and decides the rest."""
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        run = home(folder, {OHIO: there(folder, OHIO), TOKYO: there(folder, TOKYO)})
        commands = server.commands
    assert (run.result.verdict, run.result.available, run.result.login_tested) == ("up", True, True)
    assert [(seen.place, seen.reached) for seen in run.result.places] == [
        ("eu-central-1", True), (OHIO, True), (TOKYO, True),
    ]  # fmt: skip
    assert list(run.result.places[1].step_ms) == ["dns", "connect", "tls", "greeting", "capability"]
    assert sorted(commands[commands.index("LOGOUT") + 1 :]) == ["CAPABILITY", "CAPABILITY", "LOGOUT", "LOGOUT"]


def test_event_that_a_place_gets_holds_no_secret(home: Any, write: Write, server_context: Any) -> None:
    """The check's name and a digest; neither password, nor user, nor the secret's name."""
    events: list[str] = []
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        looking = there(folder, OHIO)

        def listening(event: Any) -> Any:
            events.append(json.dumps(event))
            return looking(event)

        run = home(folder, {OHIO: listening, TOKYO: listening})
    assert run.result.verdict == "up"
    assert len(events) == 2
    assert json.loads(events[0]).keys() == {"look", "digest"}
    assert not any(word in event for event in events for word in (PASSWORD, "alice", "imapcheck/mail"))


def test_down_from_two_of_three(home: Any, write: Write, server_context: Any) -> None:
    """A quorum: down, by the first place's failure and its transcript, although home is fine."""
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        gone = failing(place(folder))
        run = home(folder, {OHIO: gone, TOKYO: gone})
    assert (run.result.verdict, run.result.available) == ("down", True)
    assert (run.result.failure.step, run.result.failure.place) == ("connect", OHIO)
    assert run.result.transcript == ("S: nothing",)


def failing(looking: PlaceFunction) -> Function:
    """A place's true answer, but for what it saw."""

    def function(event: Any) -> Any:
        answer = looking.answer(event, 30.0)
        answer["place"] |= {"reached": False, "failure": {
            "step": "connect", "type": "connection_refused", "category": "connection", "detail": "127.0.0.1: refused",
            "response_code": None, "advice": "Start it.", "place": None,
        }}  # fmt: skip
        return answer | {"transcript": "S: nothing"}

    return function


def test_one_place_is_partial_and_home_is_not_disturbed(home: Any, write: Write, server_context: Any) -> None:
    """The share is what is published."""
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        run = home(folder, {OHIO: there(folder, OHIO), TOKYO: failing(place(folder))})
    assert (run.result.verdict, run.result.share_reached, run.result.failure) == ("partial", 66.67, None)
    assert [seen.place for seen in run.result.unreached] == [TOKYO]


def test_server_that_nobody_reaches_is_down(home: Any, write: Write, closed: int) -> None:
    """Home's own failure comes first; its place is its own."""
    folder = write("opt", closed)
    run = home(folder, {OHIO: there(folder, OHIO), TOKYO: there(folder, TOKYO)})
    assert (run.result.verdict, run.result.available, run.result.failure.place) == ("down", False, None)
    assert [seen.failure.type.value for seen in run.result.places] == ["connection_refused"] * 3


def too_long(event: object) -> Any:
    return b'{"place": "' + b"x" * MOST_OCTETS + b'"}'


def crashed(event: object) -> Any:
    raise Crash({"errorType": "NoTimeLeft", "errorMessage": "check mail: no time"})


def denied(event: object) -> Any:
    raise Refuse(403, "AccessDeniedException")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "ResourceNotFoundException"), (denied, "AccessDeniedException"),
        (crashed, "its function failed: NoTimeLeft: check mail: no time"), (too_long, "its answer is too long"),
        (lambda _: b"\xff\xfe", "its answer is no JSON"), (lambda _: b"[" * 50_000, "its answer is no JSON"),
        (lambda _: [], "its answer is no object"), (lambda _: {}, "its answer is none"),
        (lambda _: {"place": {"reached": True}}, "its answer is none"),
        (lambda _: {"silent": "check mail: another definition is deployed here"}, "another definition"),
    ],
)  # fmt: skip
def test_place_without_an_answer_did_not_look(
    home: Any, write: Write, server_context: Any, answer: Function | None, why: str
) -> None:
    """Missing, denied, crashed, endless, nonsense: a warning that says why, and the verdict is the others'."""
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        functions = {OHIO: there(folder, OHIO)} | ({} if answer is None else {TOKYO: answer})
        run = home(folder, functions)
    assert run.result.verdict == "up"
    assert (run.result.places[2].looked, run.result.places[2].reached) == (False, None)
    assert why in warned(run)[TOKYO]


def test_silent_places_leave_home_to_decide(home: Any, write: Write, closed: int) -> None:
    """A monitor whose witnesses are gone must not fall silent."""
    run = home(write("opt", closed), {})
    assert (run.result.verdict, run.result.share_reached) == ("down", 0)
    assert set(warned(run)) == {OHIO, TOKYO}


def test_place_that_hangs_is_waited_for_and_no_longer(
    home: Any, write: Write, server_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places are asked side by side; who has not answered by then did not look."""
    monkeypatch.setattr(asking.Places, "longest_wait_seconds", 1.5)
    over = threading.Event()

    def hanging(event: object) -> Any:
        over.wait(20)
        return {}

    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port)
        began = time.monotonic()
        try:
            run = home(folder, {OHIO: hanging, TOKYO: there(folder, TOKYO)})
        finally:
            over.set()
    assert time.monotonic() - began < 15
    assert run.result.verdict == "up"
    assert warned(run) == {OHIO: "no answer within 1.5 s"}


def test_packets_that_vanish_are_not_silence(write: Write) -> None:
    """The look ends by its own time, and that is an answer: not reached."""
    with socket.socket() as deaf, socket.socket() as first:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        first.connect(deaf.getsockname())  # fills the queue: the next connection hears nothing
        folder = write("opt", deaf.getsockname()[1], timeout=2)
        definition = load_definition(folder / "mail.json")
        answer = place(folder).answer({"look": "mail", "digest": digest_of(definition)}, 30.0)
    seen = read_answer(OHIO, json.dumps(answer).encode())
    assert (seen.facts.looked, seen.facts.reached) == (True, False)
    assert seen.facts.failure is not None
    assert seen.facts.failure.type.value == "timeout"


@pytest.mark.parametrize("change", [{"server": "imaps://127.0.0.1/"}, {"tls": {"verify": False}}, {"ca": b"another"}])
def test_other_definition_is_not_looked_at(write: Write, closed: int, change: dict[str, Any]) -> None:
    """While a deployment goes on, home may be newer: server, TLS and the authority's bytes must agree."""
    content = change.pop("ca", None)
    here = load_definition(write("home", closed) / "mail.json")
    folder = write("there", closed, **change, **({"authentication": "none", "new_message": None} if change else {}))
    if content is not None:
        (folder / "ca.pem").write_bytes(content)
    answer = place(folder).answer({"look": "mail", "digest": digest_of(here)}, 30.0)
    assert answer == {"silent": "check mail: another definition is deployed here"}


def test_what_does_not_matter_to_reaching_may_differ(write: Write, closed: int) -> None:
    """Alarms, the schedule, the secret's name."""
    here = load_definition(write("home", closed) / "mail.json")
    other = load_definition(write("there", closed, alarms={"slow": "1 of 1"}, secret="imapcheck/other") / "mail.json")
    assert digest_of(here) == digest_of(other)


@pytest.mark.parametrize(
    "event", [{}, [], None, "mail", {"check": "mail"}, {"look": "mail"}, {"look": "mail", "digest": 7},
              {"look": "mail", "digest": "x", "check": "mail"}, {"server": "imaps://mail.example.com/"},
              {"look": ["mail"], "digest": "x"}],
)  # fmt: skip
def test_place_refuses_everything_else(write: Write, closed: int, event: object) -> None:
    """No check by name, no definition inline."""
    with pytest.raises(DefinitionError, match="a place takes"):
        place(write("opt", closed)).answer(event, 30.0)


@pytest.mark.parametrize("inline", [True, False])
def test_home_refuses_to_be_a_place(write: Write, closed: int, inline: bool) -> None:
    """Whether it takes whole definitions or not."""
    settings = Settings(definitions=write("opt", closed), region="eu-central-1", allow_inline_definitions=inline)
    for event in ({"look": "mail", "digest": "x"}, {"look": "mail", "server": "mail.example.com"}):
        with pytest.raises(DefinitionError, match="this is their home"):
            Invocation(settings, secrets=Secrets(), guard=LoginGuard()).run(event, 170.0)  # type: ignore[arg-type]


def test_check_that_is_not_there_yet_did_not_look(write: Write, closed: int) -> None:
    """A new check's first run may come before a place's deployment was repaired; and too little time is no look."""
    folder = write("opt", closed)
    assert place(folder).answer({"look": "other", "digest": "x"}, 30.0) == {
        "silent": "check 'other': not among the deployed definitions"
    }
    definition = load_definition(folder / "mail.json")
    with pytest.raises(NoTimeLeft):
        place(folder).answer({"look": "mail", "digest": digest_of(definition)}, 3.0)


@pytest.mark.parametrize("word", ["x", "\U0001f4e7", "\x00\x1b[31m", '"'], ids=ascii)
def test_answer_fits_whatever_a_server_says(write: Write, server_context: Any, word: str) -> None:
    """64 kB with a greeting of 8 kB that is no greeting; and what home makes of it is clean."""
    greeting = f"* BYE [{word * 200}] {word * 1500}".encode()
    with WireServer(Dialect(greeting=greeting), tls=server_context) as server:
        folder = write("opt", server.port)
        definition = load_definition(folder / "mail.json")
        answer = place(folder).answer({"look": "mail", "digest": digest_of(definition)}, 30.0)
    content = json.dumps(answer).encode()
    assert len(content) < MOST_OCTETS
    seen = read_answer(OHIO, content)
    assert seen.facts.reached is False
    assert seen.facts.failure is not None
    assert seen.facts.failure.detail.isprintable()
    assert len(seen.facts.failure.detail) <= 300
    assert all(line.isprintable() for line in seen.transcript)
    assert len("".join(seen.transcript)) <= MOST_TRANSCRIPT


STEP = {"name": "connect", "status": "passed", "duration_ms": 5.0, "detail": None}
FAILURE = {"step": "connect", "type": "timeout", "category": "dns", "detail": "d\x1b[2J", "response_code": None,
           "advice": "a\n", "place": "eu-west-3"}  # fmt: skip


def test_hostile_answer_is_cleaned() -> None:
    """The place is home's word, the category the type's, each step once and only those of reaching."""
    steps = [STEP, STEP | {"duration_ms": -5.0}, STEP | {"name": "authenticate"}]
    facts = {"place": "moon", "looked": False, "reached": False, "failure": FAILURE, "steps": steps}
    seen = read_answer(OHIO, json.dumps({"place": facts, "transcript": "a\x00\nb"}).encode())
    assert (seen.facts.place, seen.facts.looked) == (OHIO, True)
    assert seen.facts.failure is not None
    assert (seen.facts.failure.category.value, seen.facts.failure.place) == ("timeout", OHIO)
    assert seen.facts.failure.detail == "d\\x1b[2J"
    assert [(step.name, step.duration_ms) for step in seen.facts.steps] == [("connect", 0.0)]
    assert seen.transcript == ("a\\x00", "b")


@pytest.mark.parametrize(
    "change", [{"reached": None}, {"reached": "yes"}, {"failure": None}, {"failure": FAILURE | {"step": "append"}},
               {"failure": FAILURE | {"type": "dreamt"}}, {"steps": [STEP | {"duration_ms": 1e300}]},
               {"steps": [STEP | {"name": "dream"}]}, {"steps": "x"}],
)  # fmt: skip
def test_answer_of_another_shape_is_none(change: dict[str, Any]) -> None:
    """Neither reached nor not."""
    facts = {"place": OHIO, "looked": True, "reached": False, "failure": FAILURE, "steps": [STEP]} | change
    with pytest.raises(asking._Silent, match="its answer"):
        read_answer(OHIO, json.dumps({"place": facts, "transcript": ""}).encode())


def test_clients_are_made_once_and_for_their_regions(
    write: Write, closed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of one Region refuses another's function; no retries, so that 20 s are 20 s."""
    places = Places("stack-place", "eu-central-1")
    places.connect([OHIO, TOKYO])
    made = dict(places._clients)
    places.connect([TOKYO, OHIO, OHIO])
    assert places._clients == made
    assert {region: client.meta.region_name for region, client in made.items()} == {OHIO: OHIO, TOKYO: TOKYO}
    assert {client.meta.config.retries["total_max_attempts"] for client in made.values()} == {1}


@pytest.mark.parametrize("named_in", ["check", "part", "part of a part"])
@pytest.mark.parametrize("places", [[OHIO, TOKYO, "eu-central-1"], [OHIO, TOKYO]])
def test_clients_are_made_in_init_wherever_the_places_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_in: str, places: list[str]
) -> None:
    """Lambda lends INIT a whole processor: in the check itself, in what it extends, in what that extends."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    naming = {"schedule": {"every": "5m", "places": places}}
    check = {"server": "mail.example.com", "authentication": "none"}
    layouts: dict[str, dict[str, dict[str, Any]]] = {
        "check": {"mail.json": check | naming},
        "part": {"mail.json": check | {"extends": "_a.json"}, "_a.json": naming},
        "part of a part": {
            "mail.json": check | {"extends": "_a.json"}, "_a.json": {"extends": "_b.json"}, "_b.json": naming,
        },
    }  # fmt: skip
    for name, content in layouts[named_in].items():
        (tmp_path / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
    settings = Settings(definitions=tmp_path, region="eu-central-1")
    invocation = Invocation(settings, secrets=Secrets(), guard=LoginGuard())  # type: ignore[arg-type]
    invocation.prepare()
    assert set(invocation._places._clients) == {OHIO, TOKYO}


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"schedule": {"places": "eu-west-3"}}', {"eu-west-3"}), ('{"places" :\n ["eu-west-3",\n"eu-west-1"]}',
     {"eu-west-3", "eu-west-1"}), ('{"places": null}', set()), ('{"schedule": {"every": "5m"}}', set())],
)  # fmt: skip
def test_places_are_named_by_their_bytes(text: str, named: set[str]) -> None:
    """However a file is laid out; nothing is parsed before it is needed."""
    assert places_named([text.encode()]) == named


def test_instant_test_and_own_region_ask_nobody(home: Any, write: Write, server_context: Any) -> None:
    """Home's own Region in the list is left out; with nothing else there is no vote."""
    with WireServer(tls=server_context) as server:
        folder = write("opt", server.port, schedule={"every": "5m", "places": ["eu-central-1"]})
        run = home(folder, {})
    assert (run.result.verdict, run.result.places, run.result.login_tested) == ("up", None, None)
