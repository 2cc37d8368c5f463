"""How a command ended: its tagged response (RFC 9051 section 7.1)."""

import re
from typing import NamedTuple, Self

from imapcheck.errors import CheckFailure
from imapcheck.failures import FailureType
from imapcheck.imap.decoder import Response
from imapcheck.transcript import Redactor


class Completion(NamedTuple):
    """A status response; `code` is its response code in upper case, `code_arguments` what else is in the brackets."""

    status: str
    code: str | None
    code_arguments: bytes
    text: bytes
    redactor: Redactor

    @classmethod
    def of(cls, response: Response, redactor: Redactor) -> Self:
        code, arguments, _ = response.code()
        return cls(response.name.decode("ascii", "replace"), code, arguments, response.text, redactor)

    @property
    def words(self) -> str:
        """The whole of it, redacted, for a person."""
        return self.redactor.show(self.status.encode() + b" " + self.text, 300)

    @property
    def said(self) -> str:
        """What stands after status and response code, for whoever judges by words; not for showing."""
        return Response("tagged", text=self.text).code()[2].decode("utf-8", "replace")

    @property
    def ok(self) -> bool:
        return self.status == "OK"

    def rejected(self, type: FailureType = FailureType.COMMAND_REJECTED, advice: str = "") -> CheckFailure:
        """The failure that a NO or BAD to a required command is."""
        return CheckFailure(type, f"the server answered {self.words}{advice}", response_code=self.public_code)

    @property
    def public_code(self) -> str | None:
        """The response code, unless the server put a secret there: capitals would hide one in base64."""
        if self.code is None:
            return None
        as_sent = self.text[1 : 1 + len(self.code)]
        secret = any(self.redactor.clean(form) != form for form in (as_sent, self.code.encode()))
        return None if secret else self.code


class Appended(NamedTuple):
    """The completion of APPEND with UIDVALIDITY and UID where the server gave APPENDUID (RFC 4315)."""

    completion: Completion
    uid_validity: int | None
    uid: int | None

    @classmethod
    def of(cls, completion: Completion) -> Self:
        if completion.code == "APPENDUID" and (
            match := re.fullmatch(rb"([0-9]{1,10}) +([0-9]{1,10})", completion.code_arguments.strip())
        ):
            return cls(completion, int(match[1]), int(match[2]))
        return cls(completion, None, None)
