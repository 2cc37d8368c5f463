"""The message that a check files: complete by RFC 5322 and safe to read back."""

import email
import email.policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.check.message import BuiltMessage, Draft
from imapcheck.definition.addresses import parse_address
from imapcheck.definition.model import NewMessageDefinition

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs")), min_size=1, max_size=200)


def definition(**fields: Any) -> NewMessageDefinition:
    base = {"from": "alice@example.com", "to": "bob@example.com", "subject": "IMAP testing", "message": "Hello."}
    return NewMessageDefinition.model_validate(base | fields)


def build(**fields: Any) -> BuiltMessage:
    return Draft(definition(**fields), "my-check").dated()


def parse(octets: bytes) -> Any:
    return email.message_from_bytes(octets, policy=email.policy.default)


def test_message_is_complete() -> None:
    """From, To, Cc, Bcc, Subject, Date, Message-ID, MIME fields, the check's name."""
    built = build(
        to=["Bob Ünlü <bob@exämple.com>", "carol@example.com"], cc="dave@example.com", bcc=["eve@example.com"],
        subject="Grüße ✓ und mehr", message="Zeile\n.\n" + "lang " * 400 + "ü",
    )  # fmt: skip
    message = parse(built.octets)
    assert message["To"] == "Bob Ünlü <bob@xn--exmple-cua.com>, carol@example.com"
    assert (message["Cc"], message["Bcc"]) == ("dave@example.com", "eve@example.com")
    assert message["Subject"] == "Grüße ✓ und mehr"
    assert message["X-Imapcheck"] == "my-check"
    assert message["Message-ID"] == built.message_id
    assert message["Date"].datetime.utcoffset().total_seconds() == 0
    assert message.get_content().replace("\r\n", "\n") == "Zeile\n.\n" + "lang " * 400 + "ü\n"
    assert max(map(len, built.octets.split(b"\r\n"))) <= 98
    assert b"\n" not in built.octets.replace(b"\r\n", b"")
    assert built.octets.isascii()


def test_message_id_is_new_every_time() -> None:
    """Two messages of one definition are two messages."""
    draft = Draft(definition(), "a")
    assert draft.dated().message_id != draft.dated().message_id


@given(
    subject=TEXT,
    body=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
def test_any_subject_and_body_add_no_header_and_come_back(subject: str, body: str) -> None:
    """Nothing a user writes becomes a header field."""
    if not subject.strip() or not body.strip():
        return
    message = parse(build(subject=subject, message=body).octets)
    assert sorted(message.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "X-Imapcheck",
         "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
    )  # fmt: skip
    wanted = body.replace("\r\n", "\n").replace("\r", "\n")
    assert message.get_payload(decode=True).decode().replace("\r\n", "\n").removesuffix("\n") == wanted.removesuffix(
        "\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "b",
        "b@",
        "@example.com",
        "a@b, c@d",
        "g: a@b;",
        "a b@c.d",
        "a..b@c.d",
        "Doe, John <j@x.y>",
        "ü@b.c",
        "a@b c",
        "a@-b.c",
        "",
    ],
)
def test_not_an_address(text: str) -> None:
    """Lists, groups, broken ones, and local parts that not every server takes."""
    with pytest.raises(ValueError, match="an address"):
        parse_address(text)


@pytest.mark.parametrize("text", ["ü@b.c", '"ü b"@example.com', 'Bob <"ü b"@example.com>'])
def test_address_with_letters_that_few_servers_take(text: str) -> None:
    """Told apart from a mistake (RFC 6532 would allow it)."""
    with pytest.raises(ValueError, match="an address whose part before the @ is ASCII"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "spec", "name"),
    [
        ("alice@example.com", "alice@example.com", ""),
        ("Alice Example <alice@example.com>", "alice@example.com", "Alice Example"),
        ('"Doe, John" <j@example.com>', "j@example.com", "Doe, John"),
        ("Älice <a@bücher.example>", "a@xn--bcher-kva.example", "Älice"),
        ('"a b"@example.com', '"a b"@example.com', ""),
    ],
)
def test_address(text: str, spec: str, name: str) -> None:
    """Display names, quoted local parts, internationalised domains."""
    address = parse_address(text)
    assert (address.addr_spec, address.display_name) == (spec, name)


@pytest.mark.parametrize("body", ["x" * 1500, "word " * 300, "ü" * 1500, "a\n" + "y" * 77 + "\nb"])
def test_no_line_is_longer_than_a_server_takes(body: str) -> None:
    """76 octets of text (RFC 2045 section 6.7), where 998 are allowed at most (RFC 5322 section 2.1.1)."""
    data = {"from": "a@example.com", "to": "b@example.com", "subject": "s", "message": body}
    octets = Draft(NewMessageDefinition.model_validate(data), "mail").dated().octets
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    content = email.message_from_bytes(octets, policy=email.policy.default).get_content()
    assert content.replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("Hello.\nAll is well.", "7bit"),
        ("Grüße aus dem Überwachungsraum", "quoted-printable"),
        ("x" * 77, "quoted-printable"),
        ("Это проверка почты", "base64"),
    ],
)
def test_message_stays_as_readable_on_the_wire_as_it_can(body: str, encoding: str) -> None:
    """Whoever reads the raw message in the mailbox should recognise it."""
    data = {"from": "a@example.com", "to": "b@example.com", "subject": "s", "message": body}
    message = email.message_from_bytes(Draft(NewMessageDefinition.model_validate(data), "mail").dated().octets)
    assert message["Content-Transfer-Encoding"] == encoding
