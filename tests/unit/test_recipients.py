"""The addresses that any reader finds in a message are exactly the definition's, whatever the display names."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imapcheck.check.headers import address_field, text_field
from imapcheck.check.message import Draft
from imapcheck.definition.addresses import Address, parse_address
from imapcheck.definition.model import NewMessageDefinition
from support.perl_addresses import PerlReader, perl_readers

_AWKWARD = st.sampled_from(
    ['"', "\\", ",", ";", ":", "<", ">", "@", "(", ")", "[", "]", ".", " ", "  ", "\t", "=?utf-8?q?", "?=", "'", "ü",
     "✓", "mallory@evil.example", "<mallory@evil.example>", '" <mallory@evil.example>, "', "undisclosed:;", "\u00a0"]
)  # fmt: skip
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs")), max_size=30)
NAMES = st.lists(st.one_of(_AWKWARD, _TEXT, st.just("word ")), max_size=40).map("".join).map(lambda name: name[:400])
LOCALS = st.one_of(
    st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z]{1,5})?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9]{1,3}(( |[.]{1,2})[A-Za-z0-9]{1,3}){0,3}", fullmatch=True),
)
ADDRESSES = st.builds(Address, NAMES, LOCALS, st.sampled_from(["example.com", "a.b.example", "xn--bcher-kva.example"]))


@pytest.fixture(scope="module")
def perl() -> Iterator[list[PerlReader]]:
    readers = perl_readers()
    yield readers
    for reader in readers:
        reader.close()


def value_of(field: str) -> str:
    return field.partition(": ")[2].removesuffix("\r\n")


def strictly(value: str) -> list[str]:
    """Addresses by RFC 5322's grammar alone, with nothing left over: obsolete syntax and comments are errors."""
    atext = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
    quoted, space = r'"(?:[^"\\\r\n]|\\[ -~])*"', r"(?:(?:\r\n)?[ \t]+)"
    word = rf"(?:{quoted}|{atext}+)"
    spec = rf"(?:{atext}+(?:\.{atext}+)*|{quoted})@(?:{atext}+(?:\.{atext}+)*|\[[!-Z^-~]*\])"
    box = re.compile(rf"(?:{word}(?:{space}{word})*{space})?<({spec})>|({spec})")
    found, rest = [], value
    while True:
        match = box.match(rest)
        assert match is not None, rest
        found.append(match[1] or match[2])
        rest = rest[match.end() :]
        if not rest:
            return found
        separator = re.match(rf",{space}?", rest)
        assert separator is not None, rest
        rest = rest[separator.end() :]


def by_policy(field: str) -> list[str]:
    message: Any = email.message_from_bytes(field.encode() + b"\r\n", policy=email.policy.default)
    return [address.addr_spec for address in message["To"].addresses]


def names_by_policy(field: str) -> list[str]:
    message: Any = email.message_from_bytes(field.encode() + b"\r\n", policy=email.policy.default)
    return [address.display_name for address in message["To"].addresses]


def bare(spec: str) -> str:
    """Without the quotes that some readers keep and some take off."""
    local, _, domain = spec.rpartition("@")
    return (re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local) + "@" + domain


@settings(deadline=None)
@given(st.lists(ADDRESSES, min_size=1, max_size=6))
@example([Address("word " * 30 + 'a, b" <mallory@evil.example>, "', "a", "example.com")] * 3)
@example([Address("Doe, John " * 20, "j", "example.com")])
def test_every_reader_finds_exactly_the_addresses(perl: list[PerlReader], addresses: list[Address]) -> None:
    """Python's two parsers, Perl's modules and a strict one, over one header as it goes out."""
    field = address_field("To", addresses)
    wanted = [f"{address.username}@{address.domain}" for address in addresses]
    assert field.isascii()
    assert all(0 < len(line) <= 998 and line.strip() for line in field.removesuffix("\r\n").split("\r\n"))
    assert strictly(value_of(field)) == [address.addr_spec for address in addresses]
    assert [bare(spec) for spec in by_policy(field)] == wanted
    compat = str(email.message_from_bytes(field.encode() + b"\r\n")["To"])
    assert [bare(spec) for _, spec in getaddresses([compat])] == wanted
    for reader in perl:
        assert [bare(spec) for spec in reader.addresses(value_of(field))] == wanted, reader.module


@given(NAMES)
def test_display_name_comes_back(name: str) -> None:
    """But for space, which Python's parser adds and takes between encoded words."""
    [read] = names_by_policy(address_field("To", [Address(name, "a", "example.com")]))
    assert "".join(read.split()) == "".join(name.split())


@given(st.lists(ADDRESSES, min_size=1, max_size=4))
def test_definition_written_by_hand_is_read_back(addresses: list[Address]) -> None:
    """What a user writes with quotes is one address, and goes out as that one."""
    written = []
    for address in addresses:
        name = re.sub(r"[\t\x00-\x1f]", " ", address.display_name).replace("\\", "\\\\").replace('"', '\\"')
        written.append(f'"{name}" <{address.addr_spec}>')
    if any(len(text) > 900 or not text.strip() for text in written):
        return
    definition = NewMessageDefinition.model_validate(
        {"from": "a@example.com", "to": written, "subject": "x", "message": "y"}
    )
    message = email.message_from_bytes(Draft(definition, "check").dated().octets)
    found = [bare(spec) for _, spec in getaddresses([str(message["To"])])]
    assert found == [f"{address.username}@{address.domain}" for address in addresses]
    assert not {"Cc", "Bcc", "Resent-To"} & set(message.keys())


@given(st.text(max_size=60))
@example("a" * 5000 + "@b.c")
@example('"' * 3000)
@example("\\" * 3000 + "@x")
@example("((((((" * 500)
@example("=?utf-8?q?=?= <a@b.c>")
@example("a@[" + "1" * 5000)
@example("<" * 2000)
@example("a" * 70 + " " * 800 + "<")
def test_any_text_as_an_address_is_one_or_a_clear_error(text: str) -> None:
    """Python's parser raises AttributeError and IndexError on some of these."""
    try:
        address = parse_address(text)
    except ValueError as refused:
        said = str(refused)
    else:
        said = "an address"
        assert strictly(value_of(address_field("To", [address]))) == [address.addr_spec]
    assert "an address" in said


@given(_TEXT | NAMES)
@example("word " * 150)
@example("x" * 900)
@example(" leading and trailing ")
@example("=?utf-8?q?not_encoded?=")
def test_text_field_comes_back(text: str) -> None:
    """Whatever it is, no line of it too long, none of it empty."""
    field = text_field("Subject", text[:900])
    assert field.isascii()
    assert all(len(line) <= 998 and line.strip() for line in field.removesuffix("\r\n").split("\r\n"))
    message: Any = email.message_from_bytes(field.encode() + b"\r\n", policy=email.policy.default)
    assert message["Subject"] == text[:900]


@pytest.mark.parametrize(
    ("first", "lines"),
    [(66, ["Subject: " + "a" * 65 + " b"]), (67, ["Subject: " + "a" * 66, " b"]), (68, ["Subject: " + "a" * 67, " b"])],
)
def test_text_is_folded_where_a_line_would_grow_over_76(first: int, lines: list[str]) -> None:
    """And nowhere before: people read headers too."""
    text = "a" * (first - 1) + " b"
    assert text_field("Subject", text) == "\r\n".join(lines) + "\r\n"
    longer = "c" * 20 + " " + "d" * 70 + " " + "e" * 4 + " f"
    assert text_field("Subject", longer).split("\r\n ") == ["Subject: " + "c" * 20, "d" * 70 + " eeee", "f\r\n"]


def test_display_name_is_folded_where_a_line_would_grow_over_76() -> None:
    """Within the name, and before the address."""
    assert address_field("To", [Address("n" * 34 + " " + "m" * 35, "a", "example.com")]).split("\r\n ") == [
        "To: " + "n" * 34 + " " + "m" * 35,
        "<a@example.com>\r\n",
    ]
    assert address_field("To", [Address("n" * 34 + " " + "m" * 36, "a", "example.com")]).split("\r\n ") == [
        "To: " + "n" * 34,
        "m" * 36 + " <a@example.com>\r\n",
    ]
    name = "n" * 54
    assert address_field("To", [Address(name, "a", "example.com")]) == f"To: {name} <a@example.com>\r\n"
    assert address_field("To", [Address(name + "n", "a", "example.com")]) == f"To: {name}n\r\n <a@example.com>\r\n"


def test_encoded_words_hold_whole_characters_and_39_octets() -> None:
    """52 letters of base64 and what stands around them fill a line (RFC 2047 section 2)."""
    for text, count in (("ä" + "a" * 37, 1), ("ä" + "a" * 38, 2), ("ä" * 19, 1), ("ä" * 20, 2), ("ä" * 39, 3)):
        assert text_field("Subject", text).count("=?utf-8?b?") == count
    assert max(map(len, text_field("Subject", "ä" * 200).split("\r\n"))) <= 76
