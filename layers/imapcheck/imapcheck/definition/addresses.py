"""One mail address, as RFC 5322 writes it."""

import email.policy
from email.headerregistry import Address, Group

from imapcheck.definition.server import canonical_host

_EXPECTED = "an address such as alice@example.com or Alice Example <alice@example.com>"


def parse_address(text: str) -> Address:
    """One mailbox with or without display name (RFC 5322 section 3.4); raises ValueError with what was expected.

    A domain outside ASCII is written in A-labels; a local part outside ASCII is refused, as
    not every server takes it (RFC 6532).
    """
    header = email.policy.default.header_factory("To", text)
    groups: tuple[Group, ...] = getattr(header, "groups", ())
    addresses: tuple[Address, ...] = getattr(header, "addresses", ())
    if len(addresses) != 1 or len(groups) != 1 or groups[0].display_name is not None:
        raise ValueError(_EXPECTED)
    found = addresses[0]
    if _serious(header) or not found.username or not found.domain:
        raise ValueError(_EXPECTED)
    if not found.username.isascii():
        raise ValueError("an address whose part before the @ is ASCII")
    try:
        domain = found.domain if found.domain.startswith("[") else canonical_host(found.domain)
    except ValueError:
        raise ValueError(_EXPECTED) from None
    return Address(found.display_name, found.username, domain)


def _serious(header: object) -> bool:
    """Defects other than characters outside ASCII, which RFC 2047 and A-labels take care of."""
    defects = getattr(header, "defects", ())
    return any("non-ASCII" not in str(defect) and "NonASCII" not in type(defect).__name__ for defect in defects)
