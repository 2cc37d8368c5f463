"""TLS alerts by their numbers: our names are those that OpenSSL has, and the RFCs' where it has none."""

import ssl

import pytest

from imapcheck.network.alerts import alert_of, name_of, reason_in_words

# OpenSSL has no words for these, or spells them as RFC 8446 does not.
OF_THE_RFCS = {
    0: "close notify", 52: "too many cids requested", 90: "user canceled", 117: "general error", 121: "ech required",
}  # fmt: skip


def record(alert: int) -> bytes:
    """A fatal alert that is not encrypted."""
    return bytes([21, 3, 3, 0, 2, 2, alert])


def words_of_openssl(alert: int) -> str:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="mail.example.com")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    incoming.write(record(alert))
    with pytest.raises(ssl.SSLError) as raised:
        client.do_handshake()
    return reason_in_words(raised.value, alert)


@pytest.mark.parametrize("alert", range(256))
def test_every_alert_has_the_name_that_openssl_gives_it(alert: int) -> None:
    """One name only, whether OpenSSL has words for it or not, and the same in each release of it."""
    words = words_of_openssl(alert)
    if alert in OF_THE_RFCS:
        assert name_of(alert) == OF_THE_RFCS[alert]
    else:
        assert words.partition("alert ")[2] == name_of(alert)


def test_only_a_whole_alert_in_the_clear_has_a_number() -> None:
    assert alert_of(b"whatever came before" + record(43)) == 43
    for octets in (
        b"",
        record(43)[:-1],
        record(43)[1:],
        record(43) + b"\0",
        b"\x17" + record(43)[1:],
        b"\x15\3\3\0\3\2\53",
    ):
        assert alert_of(octets) is None
