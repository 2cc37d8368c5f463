"""From a batch of alarm events to stories on the topic that people subscribe to.

The explanation never replaces the alarm: whatever cannot be had or made, what the alarm itself says is told, and a
message that could not be published is handed back to the queue.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

from imapcheck.alarms.joint_story import bare_joint_story_of, joint_story_of, order
from imapcheck.alarms.kind import UNTOLD, AlarmState, Change, Evidence, Links, Others
from imapcheck.alarms.storm import Part
from imapcheck.alarms.story import Setting, Story, bare_story_of, foreign_story_of, story_of
from imapcheck.aws.alarm_event import AlarmEvent, NotOurs, read_alarm
from imapcheck.aws.beginnings import OutageMetric
from imapcheck.aws.deployed import Definitions
from imapcheck.aws.evidence import RunLog
from imapcheck.aws.publisher import Publisher
from imapcheck.aws.ringing import Alarms
from imapcheck.aws.run_log import FINISHED
from imapcheck.aws.settings import MessageSettings

_LOG = logging.getLogger("imapcheck")

EVIDENCE_SECONDS = 8.0
"""For all the alarms of a batch: one alarm by itself is told within half a minute, 20 s of which are the queue's."""
LEAST_SECONDS = 1.0
"""Of those: with less left, nothing more is asked."""
MOST_SINGLE_STORIES = 3
MOST_IN_A_STORY = 100


class _Record(NamedTuple):
    """A change with the messages of the queue that report it, whom it concerns, and the topics that have not had it."""

    ids: tuple[str, ...]
    change: Change
    contacts: frozenset[str]
    topics: tuple[str, ...]


class _Scene(NamedTuple):
    """What AWS said of some changes: the log's evidence, which checks are in alarm, which alarms have changed again
    since, and whether the newest run of each check was good."""

    evidence: dict[tuple[object, ...], Evidence]
    ringing: frozenset[str] | None
    states: dict[tuple[object, ...], AlarmState]
    newest: dict[str, bool] | None


class Explainer:
    """What lives as long as the Lambda environment: clients, definitions, and what the topics have taken."""

    def __init__(self, settings: MessageSettings, *, logs: Any, cloudwatch: Any, sns: Any) -> None:
        self._settings = settings
        self._alarms = Alarms(cloudwatch, settings.stack)
        self._publisher = Publisher(sns, settings.alarm_topic, settings.contact_topic)
        self._definitions = Definitions(settings.definitions)
        metric = OutageMetric(cloudwatch, f"ImapCheck/{settings.stack}")
        self._log = RunLog(
            logs, settings.log_group, self._definitions.outside, self._definitions.interval, metric.beginnings
        )

    def explain(self, messages: Sequence[tuple[str, str]], seconds: float) -> set[str]:
        """Tell what the (id, body) messages of a batch say; returns the ids of those that were not published.

        After `seconds` nothing more is begun: what is left is delivered again.
        """
        ends = time.monotonic() + seconds
        failed: set[str] = set()
        records: dict[tuple[object, ...], _Record] = {}
        for id, body in messages:
            event = _read(body)
            if isinstance(event, Story):
                if not self._publisher.pass_on(event, ends):
                    failed.add(id)
                continue
            key, contacts = _key(event.change), self._definitions.contacts(event.change.check)
            topics = self._publisher.topics_left(event.change, contacts)
            if event.worth_telling and topics:
                ids = (*records[key].ids, id) if key in records else (id,)
                records[key] = _Record(ids, event.change, contacts, topics)
        return failed | self._tell(list(records.values()), ends)

    def _tell(self, records: Sequence[_Record], ends: float) -> set[str]:
        if not records:
            return set()
        changes = [record.change for record in records]
        asking_ends = time.monotonic() + EVIDENCE_SECONDS
        scene = self._scene(changes, asking_ends)
        failed: set[str] = set()
        for together, part in _stories(records):
            changes = [record.change for record in together]
            story = _story([(change, self._setting(change, scene)) for change in changes], part)
            if not self._publisher.publish(story, changes, together[0].contacts, together[0].topics, ends):
                failed |= {id for record in together for id in record.ids}
        return failed

    def _scene(self, changes: Sequence[Change], ends: float) -> "_Scene":
        """All that is asked of AWS for these changes, the most important first, until time is up."""
        evidence = self._evidence(changes, ends)
        ringing = self._alarms.ringing() if _is_time(ends) else None
        states = self._alarms.states(changes) if _is_time(ends) else {}
        newest = self._newest(changes, ends) if _is_time(ends) else None
        return _Scene(evidence, ringing, states, newest)

    def _newest(self, changes: Sequence[Change], ends: float) -> dict[str, bool] | None:
        """How the newest run of every check ended; None where the log does not say."""
        try:
            return self._log.newest_verdicts(max(change.at for change in changes), ends - time.monotonic())
        except Exception:  # noqa: BLE001 - the alarm is told without
            _LOG.exception("the newest runs of the other checks could not be read")
            return None

    def _evidence(self, changes: Sequence[Change], ends: float) -> dict[tuple[object, ...], Evidence]:
        """Few changes are looked up one by one, many in one sweep; a log that failed once is not asked again."""
        groups = [[change] for change in changes] if len(changes) <= MOST_SINGLE_STORIES else [list(changes)]
        found: dict[tuple[object, ...], Evidence] = {}
        problem = None
        for group in groups:
            if problem is None and not _is_time(ends):
                problem = "the log could not be read in time"
            told = [Evidence(problem=problem)] * len(group) if problem else self._gathered(group, ends)
            problem = problem or (told[0].problem if not told[0].runs else None)
            found |= {_key(change): evidence for change, evidence in zip(group, told, strict=True)}
        return found

    def _gathered(self, changes: Sequence[Change], ends: float) -> list[Evidence]:
        try:
            return self._log.gather(changes, ends - time.monotonic())
        except Exception as error:  # noqa: BLE001 - the alarm is told without
            _LOG.exception("the log could not be read")
            return [Evidence(problem=f"the log could not be read ({_name(error)})")] * len(changes)

    def _setting(self, change: Change, scene: "_Scene") -> Setting:
        """What surrounds a change; a bug in finding that leaves what the alarm itself says, and the other changes."""
        try:
            return self._found_setting(change, scene)
        except Exception:  # noqa: BLE001 - the alarm is told whatever happens
            _LOG.exception("what surrounds an alarm is not known")
            return Setting(evidence=UNTOLD)

    def _found_setting(self, change: Change, scene: "_Scene") -> Setting:
        others = None if scene.ringing is None else self._others(change.check, scene.ringing, scene.newest)
        dashboard = self._settings.dashboard_url
        links = Links(dashboard, runs_link(dashboard, self._settings.log_group, change))
        asked = replace(self._definitions.asked(change.check), time_zone=self._settings.time_zone)
        return Setting(asked, scene.evidence[_key(change)], others, links, scene.states.get(_key(change)))

    def _others(self, check: str, in_alarm: frozenset[str], newest: dict[str, bool] | None) -> Others:
        """Those in alarm, by name where whoever reads this story is told of them anyway; how the rest last ran."""
        ringing = in_alarm - {check}
        readers = self._definitions.contacts(check)
        deployed = filter(self._definitions.knows, ringing)
        named = {other for other in deployed if readers <= self._definitions.contacts(other)}
        known = newest or {}
        rest = [known[name] for name in self._definitions.scheduled() - in_alarm - {check} if name in known]
        return Others(
            max(0, len(self._definitions.scheduled()) - 1),
            tuple(sorted(named)),
            len(ringing) - len(named),
            good=None if newest is None else rest.count(True),
            failed=rest.count(False),
        )


def _read(body: str) -> AlarmEvent | Story:
    """The event of a message, or, of what is none of ours or cannot be read, the story that passes it on."""
    try:
        return read_alarm(body)
    except NotOurs as foreign:
        return foreign_story_of(foreign.subject, body)
    except Exception:  # noqa: BLE001 - one message must not cost the others of its batch
        _LOG.exception("a message could not be read")
        return foreign_story_of("A message that could not be read", body)


def runs_link(dashboard_url: str, log_group: str, change: Change) -> str:
    """The console's page of this check's runs around the change; its parts are quoted twice, with `$` for `%`."""
    console = dashboard_url.partition("#")[0]
    pattern = f'{{ $.message = "{FINISHED}" && $.check = "{change.check}" }}'
    start = int((change.at - change.period * (change.periods + 2)).timestamp() * 1000)
    end = int((change.at + change.period).timestamp() * 1000)
    query = f"$3FfilterPattern$3D{_twice(pattern)}$26start$3D{start}$26end$3D{end}"
    return f"{console}#logsV2:log-groups/log-group/{_twice(log_group)}/log-events{query}"


def _twice(text: str) -> str:
    return quote(quote(text, safe=""), safe="").replace("%", "$")


def _story(scenes: list[tuple[Change, Setting]], part: Part) -> Story:
    """The story of one change or of many; a bug in telling it leaves what the alarm itself says."""
    try:
        return story_of(*scenes[0]) if len(scenes) == 1 else joint_story_of(scenes, part)
    except Exception:  # noqa: BLE001 - the alarm is told whatever happens
        _LOG.exception("the story could not be made")
        return bare_story_of(*scenes[0]) if len(scenes) == 1 else bare_joint_story_of(scenes, part)


def _stories(records: Sequence[_Record]) -> list[tuple[Sequence[_Record], Part]]:
    """Few changes each by itself, many together, in `order`.

    Never one check's story to another check's contacts, and none to a topic that has had it.
    """
    place = order([record.change for record in records])
    ordered = sorted(records, key=lambda record: place(record.change))
    if len(ordered) <= MOST_SINGLE_STORIES:
        return [([record], Part()) for record in ordered]
    groups: dict[tuple[object, ...], list[_Record]] = {}
    for record in ordered:
        groups.setdefault((record.contacts, record.topics), []).append(record)
    found: list[tuple[Sequence[_Record], Part]] = []
    for group in groups.values():
        slices = [group[at : at + MOST_IN_A_STORY] for at in range(0, len(group), MOST_IN_A_STORY)]
        found += [(together, Part(at + 1, len(slices))) for at, together in enumerate(slices)]
    return found


def _key(change: Change) -> tuple[object, ...]:
    return change.alarm, change.state, change.at


def _is_time(ends: float) -> bool:
    """Enough for one question more."""
    return ends - time.monotonic() > LEAST_SECONDS


def _name(error: Exception) -> str:
    """AWS's code of the error, or its class: a text could hold anything."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(error).__name__)
