"""The engine with the one command that waits: IDLE (RFC 2177), which ends when we say so."""

from collections.abc import Callable

from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.decoder import MAX_LINE, Response
from imapcheck.imap.engine import Engine
from imapcheck.trace import Deadline


class IdlingEngine(Engine):
    """Between `idle` and `done` only `listen` may be called."""

    def idle(self) -> Completion | None:
        """IDLE (RFC 2177) up to the server's go-ahead; its completion, if that came instead."""
        self._begin()
        try:
            self._send_line([b"IDLE"])
            while (response := self._response()).kind == "untagged":
                pass
        except CheckFailure as failure:
            raise self._ended_by(failure) from failure.__cause__
        return None if response.kind == "continuation" else self._concluded(response)

    def listen(self, until: Deadline) -> Response | None:
        """While idling, the next untagged response; None where none has come whole by `until`."""
        ends = self.wire.deadline
        self.wire.deadline = Deadline(min(until.at, ends.at))
        try:
            self.wire.has_line(MAX_LINE)
            self.wire.deadline = ends
            response = self._response()
            if response.kind != "untagged":
                raise broken("an answer to IDLE before it was done")
            if self.bye is not None:
                raise CheckFailure(FailureType.CONNECTION_LOST, "")
        except CheckFailure as failure:
            if failure.type is FailureType.TIMEOUT and ends.remaining():
                return None
            raise self._ended_by(failure) from failure.__cause__
        finally:
            self.wire.deadline = ends
        return response

    def done(self, on_untagged: Callable[[Response], None]) -> Completion:
        """End IDLE and read up to its tagged response."""
        try:
            self._transcript.client(b"DONE")
            self.wire.send(b"DONE\r\n")
            return self._read([], on_untagged, None, None, None)
        except CheckFailure as failure:
            raise self._ended_by(failure) from failure.__cause__

    def _response(self) -> Response:
        """One response, with note taken of what it says of the session."""
        self.wire.check_time()
        response = self._reader.response(self.tag)
        if response.kind == "untagged":
            self._note(response)
        return response
