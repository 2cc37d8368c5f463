"""The shortcuts for plain responses read what imapclient's parser reads."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from imapcheck.imap import data
from imapcheck.imap.decoder import CountedLiteral, Response


def plain(pattern: Any) -> st.SearchStrategy[bytes]:
    """Anything that a shortcut takes."""
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: b"\n" not in text and b"\r" not in text)


@settings(max_examples=500)
@given(plain(data._PLAIN_LIST))
def test_plain_list(text: bytes) -> None:
    """Same name, delimiter and attributes."""
    response = Response("untagged", b"LIST", None, text)
    assert data.mailbox_of(response) == data._parsed_mailbox(response.parsed())


@given(plain(data._PLAIN_NAMESPACE))
def test_plain_namespace(text: bytes) -> None:
    """Same prefix, unless it is one that cannot be sent back."""
    response = Response("untagged", b"NAMESPACE", None, text)
    prefix = data._parsed_prefix(response.parsed())
    assert data.personal_prefix(response) == (prefix if data._PREFIX.fullmatch(prefix) else b"")


@given(uid=st.integers(1, 3), asked=st.integers(1, 3), body=st.binary(max_size=40))
def test_plain_fetch(uid: int, asked: int, body: bytes) -> None:
    """Same message, or none where it is another's; the same items in another order take the parser's way."""
    literal = CountedLiteral(1000, body)
    shortcut = Response("untagged", b"FETCH", 1, b"", ((b"(UID %d BODY[] {1000}" % uid, literal), b")"))
    parsed = Response("untagged", b"FETCH", 1, b"", ((b"(BODY[] {1000}", literal), b" UID %d)" % uid))
    message = data.fetched_message(shortcut, asked)
    assert message == data.fetched_message(parsed, asked)
    assert (message is None) == (uid != asked)
    if message is not None:
        assert (message.size, message.beginning) == (1000, body)
