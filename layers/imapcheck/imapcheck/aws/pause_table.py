"""Refused logins that all Lambda environments know of: one item a mailbox in a DynamoDB table.

The table holds neither passwords nor digests of them: the key is a hash of names, and the secret's version tells
new credentials from refused ones. Where the table fails nothing is lost but the sharing.
"""

import json
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from imapcheck.check.login_pause import KEPT, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("imapcheck")
_CONNECT_SECONDS, _READ_SECONDS = 1, 1
_LEFT_ALONE_SECONDS = 300.0


class PauseTable:
    """A table with the key `mailbox` and the TTL attribute `expires_at` (seconds since 1970).

    No method raises for what DynamoDB does: a failure is logged as a warning, and the table then left alone for
    five minutes, so that it costs a run at most two seconds.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._client: Any = None
        self._left_alone_until = 0.0

    def connect(self) -> Any:
        """The client, made when it is first asked for. Raises botocore's errors where it cannot be made."""
        if self._client is None:
            import boto3
            from botocore.config import Config

            timeouts = Config(
                connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries={"total_max_attempts": 1}
            )
            self._client = boto3.client("dynamodb", config=timeouts)
        return self._client

    def open(self) -> None:
        """Make the client and its connection, by asking for nobody's item. Raises botocore's errors.

        What goes wrong is forgotten: a run asks for itself.
        """
        self.connect().get_item(TableName=self._name, Key={"mailbox": {"S": "-"}})

    def get(self, mailbox: str, now: datetime) -> tuple[bool, Refusal | None]:
        """Whether the table answered, and the refusal in force for the mailbox if there is one."""
        answer = self._call("get_item", Key={"mailbox": {"S": mailbox}})
        if answer is None or (item := answer.get("Item")) is None:
            return answer is not None, None
        try:
            if float(item["expires_at"]["N"]) <= now.timestamp():  # DynamoDB deletes when it finds the time
                return True, None
            times = item["first_at"]["S"], item["latest_at"]["S"]
            return True, Refusal.read(*times, item["count"]["N"], json.loads(item["refused"]["S"]))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            _LOG.warning("login pause: an item of table %s is not ours: %r", self._name, error)
            return False, None

    def put(self, mailbox: str, refusal: Refusal) -> bool:
        """Let every environment know of the refusal; false where the table does not."""
        item = {
            "mailbox": {"S": mailbox},
            "first_at": {"S": refusal.first_at.isoformat()},
            "latest_at": {"S": refusal.latest_at.isoformat()},
            "count": {"N": str(refusal.count)},
            "refused": {"S": json.dumps(refusal.refused)},
            "expires_at": {"N": str(int((refusal.latest_at + KEPT).timestamp()))},
        }
        return self._call("put_item", Item=item) is not None

    def delete(self, mailbox: str) -> None:
        """The login went well: no environment needs to wait."""
        self._call("delete_item", Key={"mailbox": {"S": mailbox}})

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        from botocore.exceptions import BotoCoreError, ClientError

        if time.monotonic() < self._left_alone_until:
            return None
        try:
            call: Callable[..., dict[str, Any]] = getattr(self.connect(), operation)
            return call(TableName=self._name, **arguments)
        except (BotoCoreError, ClientError) as error:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE_SECONDS
            _LOG.warning("login pause: table %s: %s; this environment's memory alone", self._name, type(error).__name__)
            return None
