"""What a server offers, by the latest list that it gave."""

import pytest

from imapcheck.imap.capabilities import Capabilities


def told(names: bytes) -> Capabilities:
    capabilities = Capabilities()
    capabilities.learn(names)
    return capabilities


@pytest.mark.parametrize(
    "implied", ["NAMESPACE", "ESEARCH", "LIST-EXTENDED", "SPECIAL-USE", "SASL-IR", "UIDPLUS", "MOVE"]
)
def test_imap4rev2_implies(implied: str) -> None:
    """RFC 9051 appendix E; its predecessor implies nothing."""
    assert told(b"IMAP4rev2").offers(implied)
    assert not told(b"IMAP4rev1").offers(implied)
    assert told(b"IMAP4rev1 " + implied.lower().encode()).offers(implied)


@pytest.mark.parametrize("other", ["CONDSTORE", "ID", "QUOTA", "WITHIN", "X-GM-EXT-1", "STARTTLS", "AUTH=PLAIN"])
def test_imap4rev2_does_not_imply(other: str) -> None:
    """What is no part of it must be said."""
    assert not told(b"IMAP4rev2").offers(other)
    assert told(b"IMAP4rev2 " + other.encode()).offers(other)


def test_latest_list_counts_alone() -> None:
    """And none does once TLS is up, until the next; how many there were is counted."""
    capabilities = told(b"ID")
    capabilities.learn(b"QUOTA=RES-STORAGE")
    assert (capabilities.lists, capabilities.offers("ID")) == (2, False)
    assert (capabilities.offers_kind("QUOTA="), capabilities.offers_kind("ID")) == (True, False)
    capabilities.forget()
    assert (capabilities.lists, capabilities.offers_kind("QUOTA=")) == (2, False)


def test_mechanisms_are_told_in_order_ten_at_most() -> None:
    """They stand in a failure's detail."""
    names = [f"M{number:02}" for number in range(12)]
    assert told(b"IMAP4rev1 AUTH=PLAIN AUTH=login XAUTH=Y").mechanisms() == ["LOGIN", "PLAIN"]
    assert told(" ".join(f"AUTH={name}" for name in reversed(names)).encode()).mechanisms() == names[:10]
