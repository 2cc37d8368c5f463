"""Stories to the topics that people subscribe to: at a pace that SNS bears, and each topic once for each change.

What a topic has taken is remembered as long as the environment lives, so that a message which the queue delivers again
reaches only those who have not had it.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from imapcheck.alarms.kind import Change
from imapcheck.alarms.story import Story
from imapcheck.aws.story_message import Attributes, message, plain_message

_LOG = logging.getLogger("imapcheck")

PUBLISH_SECONDS = 0.3
"""Between two messages: SNS ends an e-mail subscription that gets more than ten a second (endpoints and quotas)."""
_REMEMBERED = 10_000
_NOT_AS_IT_IS = ("InvalidParameter", "ParameterValueInvalid", "ValidationError", "ValidationException")
"""How the codes begin with which SNS refuses a message for what it holds: it would do so at each delivery."""


class Publisher:
    """Publishes to the topic of everything, and of changes that have contacts to the contacts' topic too."""

    def __init__(self, sns: Any, alarm_topic: str, contact_topic: str) -> None:
        self._sns = sns
        self._alarm_topic = alarm_topic
        self._contact_topic = contact_topic
        self._taken: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._published_at = -PUBLISH_SECONDS

    def topics_left(self, change: Change, contacts: frozenset[str]) -> tuple[str, ...]:
        """The topics that a change concerns and that have not taken its story yet."""
        topics = (self._alarm_topic, *((self._contact_topic,) if contacts else ()))
        return tuple(topic for topic in topics if _key(change, topic) not in self._taken)

    def pass_on(self, story: Story, ends: float) -> bool:
        """Publish what is no change of a check's alarm; False where that failed, or came too late."""
        return self._publish(self._alarm_topic, story, (), frozenset(), ends)

    def send(
        self, story: Story, about: Sequence[tuple[str, str, str]], contact: str | None, *, reminder: bool = False
    ) -> None:
        """Publish what is no change of an alarm: to everybody, or to one contact. Raises what SNS raises.

        `about` are check, kind and state of each thing that the story tells.
        """
        topic = self._alarm_topic if contact is None else self._contact_topic
        self._wait()
        self._send(topic, story, Attributes(about, reminder=reminder), frozenset(() if contact is None else (contact,)))

    def publish(
        self, story: Story, changes: Sequence[Change], contacts: frozenset[str], topics: Iterable[str], ends: float
    ) -> bool:
        """Publish the story of `changes` to `topics`; False where one of them did not take it.

        Nothing is begun after `ends`, a time of `time.monotonic()`.
        """
        for topic in topics:
            if not self._publish(topic, story, changes, contacts, ends):
                return False
            self._remember(_key(change, topic) for change in changes)
        return True

    def _publish(
        self, topic: str, story: Story, changes: Sequence[Change], contacts: frozenset[str], ends: float
    ) -> bool:
        self._wait()
        if self._published_at > ends:
            _LOG.error("no time was left to publish a story: the queue delivers it again")
            return False
        about = Attributes([(change.check, change.kind.name, change.state) for change in changes])
        try:
            self._send(topic, story, about, contacts)
        except Exception:  # noqa: BLE001 - the queue delivers it again, and at last to its dead letters
            _LOG.exception("a story could not be published")
            return False
        return True

    def _wait(self) -> None:
        time.sleep(max(0.0, self._published_at + PUBLISH_SECONDS - time.monotonic()))
        self._published_at = time.monotonic()

    def _send(self, topic: str, story: Story, about: Attributes, contacts: frozenset[str]) -> None:
        try:
            self._sns.publish(**message(topic, story, about, contacts))
        except ClientError as error:
            if not str(error.response["Error"].get("Code")).startswith(_NOT_AS_IT_IS):
                raise
            _LOG.exception("SNS refused a story as it is: it goes out as plain text")
            self._sns.publish(**plain_message(topic, story, contacts))

    def _remember(self, keys: Iterable[tuple[object, ...]]) -> None:
        self._taken.update(dict.fromkeys(keys))
        while len(self._taken) > _REMEMBERED:
            self._taken.popitem(last=False)


def _key(change: Change, topic: str) -> tuple[object, ...]:
    return change.alarm, change.state, change.at, topic
