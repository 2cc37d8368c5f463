"""One mail address, as RFC 5322 writes it; read by rules of our own, as Python's change with its patch releases."""

import ipaddress
import re
from typing import NamedTuple

from imapcheck.definition.server import canonical_host

_EXPECTED = "an address such as alice@example.com or Alice Example <alice@example.com>"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_DOT_ATOM = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[^"\\]|\\.)*+"'
# Words of a display name (RFC 5322's phrase), with dots (section 4.1) and characters outside ASCII.
_WORD = rf"(?:{_QUOTED}|(?:{_ATEXT}|[.]|[^\x00-\x7f])++)"
_NAMED = re.compile(rf"(?P<name>(?:{_WORD}[ \t]*+)*+)<[ \t]*(?P<spec>.*?)[ \t]*>")
_SPEC = re.compile(rf"(?P<local>{_DOT_ATOM}|{_QUOTED})@(?P<domain>\[[^\[\]]+\]|[^\s\[\]<>@,;:\"()\\]+)")
_MOST_OF_A_SPEC = 320


class Address(NamedTuple):
    """A mailbox: the display name as text, the part before the @ without quotes, the domain in ASCII."""

    display_name: str
    username: str
    domain: str

    @property
    def addr_spec(self) -> str:
        """`alice@example.com`, the part before the @ in quotes where RFC 5322 section 3.4.1 wants them."""
        plain = re.fullmatch(_DOT_ATOM, self.username)
        return f"{self.username if plain else quoted(self.username)}@{self.domain}"


def parse_address(text: str) -> Address:
    """One mailbox with or without display name (RFC 5322 section 3.4); raises ValueError with what was expected.

    A domain outside ASCII is written in A-labels; a local part outside ASCII is refused, as
    not every server takes it (RFC 6532).
    """
    named = _NAMED.fullmatch(text.strip(" \t"))
    spec = _SPEC.fullmatch(named["spec"] if named else text.strip(" \t"))
    if spec is None:
        if re.fullmatch(r"[^\s<>@,;:\"()\[\]\\]*[^\x00-\x7f][^\s<>@,;:\"()\[\]\\]*@\S+", text):
            raise ValueError("an address whose part before the @ is ASCII")
        raise ValueError(_EXPECTED)
    found = Address(_display_name(named["name"]) if named else "", _local_part(spec["local"]), _domain(spec["domain"]))
    if len(found.addr_spec) > _MOST_OF_A_SPEC:
        raise ValueError(f"an address of at most {_MOST_OF_A_SPEC} characters")
    return found


def quoted(text: str) -> str:
    """`text` as a quoted-string (RFC 5322 section 3.2.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _display_name(phrase: str) -> str:
    return " ".join(_unquoted(word) for word in re.findall(_WORD, phrase))


def _local_part(word: str) -> str:
    """What stands before the @. In quotes only words with a space or a dot between: readers disagree on the rest."""
    local = _unquoted(word)
    if not local.isascii():
        raise ValueError("an address whose part before the @ is ASCII")
    if not re.fullmatch(rf"{_ATEXT}+(?:(?: |[.]+){_ATEXT}+)*", local):
        raise ValueError(_EXPECTED)
    return local


def _domain(text: str) -> str:
    """A host name in A-labels, or an address literal (RFC 5321 section 4.1.3)."""
    try:
        if text.startswith("["):
            ipaddress.ip_address(text[1:-1].removeprefix("IPv6:"))
            return text
        return canonical_host(text)
    except ValueError:
        raise ValueError(_EXPECTED) from None
