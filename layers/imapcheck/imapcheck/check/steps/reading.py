"""Finding the mailboxes, and searching the watched one for the newest message: nothing here changes anything."""

from imapcheck.check.arrival import age_seconds, delivery_seconds, seconds_ahead
from imapcheck.check.refusals import is_mailbox_missing
from imapcheck.check.state import Attempt
from imapcheck.check.steps.rejection import rejected
from imapcheck.errors import CheckFailure, broken
from imapcheck.failures import FailureType
from imapcheck.imap.completion import Completion
from imapcheck.imap.data import Fetched, Resource
from imapcheck.imap.encoder import Part, encode_mailbox, string
from imapcheck.imap.mailboxes import NOT_THERE, by_special_use, is_special, unlisted_parents
from imapcheck.trace import StepRecord
from imapcheck.wording import apart, percent

_HEADER_OCTETS = 1 << 16
_SEARCHES_AGAIN = 5
_MOST_PARENTS = 20
"""A client knows a handful; a server could make us ask for, and keep, thousands of listings."""


def namespace(attempt: Attempt) -> None:
    """Learn the prefix of the user's own mailboxes."""
    with attempt.tracer.step("namespace") as step:
        if not attempt.session.offers("NAMESPACE"):
            step.skip("server does not offer NAMESPACE")
            return
        completion, attempt.learnt.prefix = attempt.session.namespace()
        if not completion.ok:
            step.refuse(completion.words)


def list_mailboxes(attempt: Attempt) -> None:
    """INBOX, the special-use mailboxes, their parents, and the top level."""
    with attempt.tracer.step("list") as step:
        session, listed = attempt.session, attempt.learnt.listed
        completion, inbox = session.list_mailboxes(b"INBOX")
        listed.extend(inbox)
        if not completion.ok:
            step.refuse(completion.words)
        if session.offers("SPECIAL-USE"):
            others, mailboxes = session.list_special(step.remark)
            listed.extend(mailboxes)
            if not others.ok:
                step.note(f"LIST *: {others.words}")
            for parent in unlisted_parents(filter(is_special, mailboxes), listed)[:_MOST_PARENTS]:
                _, found = session.list_mailboxes(parent)
                listed.extend(found)
        else:
            step.note("server does not offer SPECIAL-USE")
        top, mailboxes = session.list_top_level(attempt.learnt.prefix, step.remark, suffices=bool)
        listed.extend(mailboxes)
        if not top.ok:
            step.note(f"LIST %: {top.words}")


def examine(attempt: Attempt) -> None:
    """Open the watched mailbox read-only."""
    asked = attempt.asked.definition.search
    with attempt.tracer.step("examine") as step:
        name = asked.mailbox if asked is not None else "INBOX"
        attempt.learnt.watched = named_mailbox(attempt, name, "search.mailbox")
        open_mailbox(attempt, step, attempt.learnt.watched)


def open_mailbox(attempt: Attempt, step: StepRecord, mailbox: bytes) -> None:
    """EXAMINE; raises `mailbox_not_found` or `command_rejected` too."""
    completion = attempt.session.examine(mailbox, step.remark)
    if not completion.ok:
        missing = is_missing(attempt, mailbox, completion)
        type = FailureType.MAILBOX_NOT_FOUND if missing else FailureType.COMMAND_REJECTED
        raise rejected(attempt, completion, type)


def is_missing(attempt: Attempt, mailbox: bytes, refusal: Completion) -> bool:
    """Whether `mailbox` was refused because there is none: by code, by words, else by a LIST of its name."""
    told = is_mailbox_missing(refusal.code, refusal.said)
    if told is not None or refusal.status != "NO" or mailbox == b"INBOX" or not attempt.session.usable:
        return bool(told)
    if mailbox in {known.name for known in attempt.learnt.listed}:
        return False
    completion, listed = attempt.session.list_mailboxes(mailbox)
    return completion.ok and mailbox not in {known.name for known in listed if not known.attributes & NOT_THERE}


def named_mailbox(attempt: Attempt, name: str, field: str) -> bytes:
    """A mailbox as on the wire, by its name or special use; `field` is the definition's key."""
    if not name.startswith("\\"):
        return encode_mailbox(name, utf8=attempt.session.utf8_names)
    found = by_special_use(attempt.learnt.listed, name)
    if found is None:
        raise CheckFailure(
            FailureType.MAILBOX_NOT_FOUND, f"no mailbox has the special use {name}; set {field} to a name"
        )
    return found


def quota(attempt: Attempt) -> None:
    """How full the watched mailbox is; never makes the server unavailable."""
    with attempt.tracer.step("quota") as step:
        if not attempt.session.offers_quota:
            step.skip("server does not offer QUOTA")
            return
        completion, resources = attempt.session.quota_root(attempt.learnt.watched)
        if not completion.ok:
            step.refuse(completion.words)
        elif resources is None:
            step.refuse("the server sent a QUOTA response that cannot be read")
        elif not resources:
            step.note("no limit")
        else:
            fullest = attempt.learnt.quota = max(resources, key=Resource.used_percent)
            step.note(f"{fullest.name.decode('ascii', 'replace')} {percent(fullest.used_percent())}")


def search(attempt: Attempt) -> None:
    """Count the messages that match every term."""
    asked = attempt.asked.search
    keys, charset = _search_keys(asked.terms())
    with attempt.tracer.step("search") as step:
        completion, found = attempt.session.search(keys, step.remark, charset=charset)
        if not completion.ok:
            raise rejected(attempt, completion)
        attempt.learnt.matches = found
        step.note(f"{found.count} found")
        if found.count < asked.min_matches:
            words = ", ".join(f'{key.lower()} "{term}"' for key, term in asked.terms())
            raise CheckFailure(
                FailureType.NO_MATCH,
                f"{found.count} found with {words} in {asked.mailbox}; at least {asked.min_matches} expected",
            )


def _search_keys(terms: tuple[tuple[str, str], ...]) -> tuple[list[Part], bytes]:
    """The search keys and their charset; a term outside ASCII goes out as a literal in UTF-8."""
    parts: list[Part] = []
    for index, (key, term) in enumerate(terms):
        parts += [b" " * bool(index) + key.encode() + b" ", string(term.encode(), shown=term.encode())]
    ascii_only = all(term.isascii() for _, term in terms)
    return parts, b"US-ASCII" if ascii_only else b"UTF-8"


def fetch(attempt: Attempt) -> None:
    """Fetch the newest match whole, without setting a flag.

    Where somebody else has removed it meanwhile, search again: a mailbox in use is not a broken server.
    """
    for _ in range(_SEARCHES_AGAIN):
        if _fetched_newest(attempt):
            return
        try:
            search(attempt)
        except CheckFailure:
            attempt.tracer.skip("fetch", "the newest match has vanished")
            raise
    if not _fetched_newest(attempt):
        attempt.learnt.never_fetched = True
        attempt.tracer.skip("fetch", f"the newest match vanished {_SEARCHES_AGAIN + 1} times: the mailbox is in use")


def _fetched_newest(attempt: Attempt) -> bool:
    """Fetch what was found, if anything; False where it has vanished."""
    asked, found = attempt.asked.search, attempt.learnt.matches
    if found is None or found.highest is None or found.count < asked.min_matches:
        attempt.tracer.skip(
            "fetch", "no match" if found is None or not found.count else "fewer matches than min_matches"
        )
        return True
    with attempt.tracer.step("fetch") as step:
        completion, message = attempt.session.fetch(
            found.highest, internal_date=asked.max_age is not None, limit=asked.max_size, keep=_HEADER_OCTETS
        )
        if attempt.session.expunged and _is_without(completion, message):
            step.remark(f"message {found.highest} vanished: the mailbox is in use")
            return False
        _judge(attempt, step, completion, message, found.highest)
    return True


def _is_without(completion: Completion, message: Fetched | None) -> bool:
    """Neither the message nor another reason why it did not come."""
    return message is None if completion.ok else completion.code in (None, "EXPUNGEISSUED")


def _judge(attempt: Attempt, step: StepRecord, completion: Completion, message: Fetched | None, uid: int) -> None:
    asked = attempt.asked.search
    if not completion.ok:
        raise rejected(attempt, completion)
    if message is None:
        raise CheckFailure(FailureType.PROTOCOL_ERROR, f"the server answered OK but did not send message {uid}")
    attempt.learnt.fetched_octets = message.size
    if message.contradicted:
        raise CheckFailure(
            FailureType.PROTOCOL_ERROR, f"message {uid} came empty, and the same answer says that it is not"
        )
    if not message.size:
        attempt.learnt.empty_uid = uid
    if asked.max_age is not None:
        _judge_age(attempt, step, message, asked.max_age.total_seconds())


def _judge_age(attempt: Attempt, step: StepRecord, message: Fetched, max_age: float) -> None:
    """Decide by INTERNALDATE, and where the message is one of ours note how long it was under way."""
    arrived, definition, learnt = message.internal_date, attempt.asked.definition, attempt.learnt
    if arrived is None:
        raise broken("no readable INTERNALDATE")
    age = learnt.age_seconds = age_seconds(arrived)
    learnt.seconds_ahead = seconds_ahead(arrived)
    if definition.new_message is not None:
        with step.aside():
            learnt.delivery_seconds = delivery_seconds(message.beginning, arrived, definition.label)
    if age > max_age:
        raise CheckFailure(FailureType.TOO_OLD, _too_old(age, max_age))


def _too_old(age: float, max_age: float) -> str:
    found, limit = apart(age * 1000, max_age * 1000)
    return f"the newest match arrived {found} ago, more than {limit}"
