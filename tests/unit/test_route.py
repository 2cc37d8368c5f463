"""The way a message took, and why one came back: what real servers write, and what nobody should."""

from datetime import UTC, datetime

import pytest

from imapcheck.check.bounce import diagnosis
from imapcheck.check.route import authentication_of, hops_of
from imapcheck.transcript import Redactor

SENT = datetime(2026, 11, 24, 10, 12, tzinfo=UTC)

GMAIL = (
    "mx.google.com; dkim=pass header.i=@example.com header.s=s1 header.b=abc; spf=pass (google.com: domain of a@b"
    " designates 192.0.2.4 as permitted sender) smtp.mailfrom=a@b; dmarc=pass (p=REJECT) header.from=example.com"
)
EXCHANGE_ONLINE = (
    "spf=fail (sender IP is 192.0.2.4) smtp.mailfrom=x.com; dkim=none (message not signed) header.d=none;"
    "dmarc=fail action=quarantine header.from=x.com;compauth=fail reason=000"
)
"""Without the name of the server that looked."""

VERDICTS = [
    (GMAIL, "spf=pass dkim=pass dmarc=pass"),
    (EXCHANGE_ONLINE, "spf=fail dkim=none dmarc=fail"),
    ("mx.example 1; dkim=fail header.d=a; dkim=pass header.d=b", "dkim=pass"),
    ("mx.example; dkim=temperror header.d=a; dkim=fail header.d=b", "dkim=temperror"),
    ('mx.example; spf/1 = SoftFail smtp.mailfrom="a;dkim=pass"', "spf=softfail"),
    ("mx.example (a (nested) ; dkim=pass) ; dmarc=pass", "dmarc=pass"),
    ("mx.example;\r\n\tspf=pass\r\n\tsmtp.mailfrom=a", "spf=pass"),
    ("mx.example; none", None),
    ("mx.example", None),
    ("", None),
    (";;;=;spf", None),
    ("(" * 3000 + "spf=pass", None),
    ("spf=" + "x" * 3000, None),
    ("\x00\x1b[31m\udc80", None),
]


@pytest.mark.parametrize(("value", "words"), VERDICTS)
def test_authentication_results(value: str, words: str | None) -> None:
    """RFC 8601, and what is not."""
    header = f"Authentication-Results: {value}\r\n\r\n".encode("utf-8", "surrogateescape")
    found = authentication_of(header)
    assert (found.words if found is not None else None) == words


def test_topmost_authentication_results_alone_count() -> None:
    """Those below may be the sender's own (RFC 8601 section 5); without one nothing is known."""
    header = (
        b"Authentication-Results: mx.example; spf=fail\r\nAuthentication-Results: mx.example; spf=pass; dkim=pass\r\n"
    )
    found = authentication_of(header + b"\r\n")
    assert found is not None
    assert (found.spf, found.dkim, found.dmarc) == ("fail", None, None)
    assert authentication_of(b"ARC-Authentication-Results: i=1; mx; spf=pass\r\n\r\n") is None


def hops(*fields: str) -> list[tuple[str | None, str | None, float | None]]:
    header = "".join(f"Received: {field}\r\n" for field in fields).encode("utf-8", "surrogateescape") + b"\r\n"
    return [(hop.by, hop.with_, hop.seconds) for hop in hops_of(header, SENT, Redactor())]


def test_hops_are_told_from_the_first_on() -> None:
    """The topmost field is the last hop's; times are counted from hop to hop, by their own zones."""
    assert hops(
        "from mx.example by store.example (LMTP) with LMTP id 3; Tue, 24 Nov 2026 11:12:41 +0100",
        "from relay by mx.example (Postfix) with ESMTPS (TLS1.3) id 2 for <a@b>; Tue, 24 Nov 2026 10:12:41 +0000",
        "from [192.0.2.9] by relay.example with ESMTPSA id 1; Tue, 24 Nov 2026 10:12:02 +0000 (UTC)",
    ) == [("relay.example", "ESMTPSA", 2.0), ("mx.example", "ESMTPS", 39.0), ("store.example", "LMTP", 0.0)]


def test_clocks_that_run_backwards_count_zero() -> None:
    """And the next hop is counted from there."""
    assert [seconds for _, _, seconds in hops(
        "by c; Tue, 24 Nov 2026 10:12:10 +0000", "by b; Tue, 24 Nov 2026 10:11:00 +0000",
        "by a; Tue, 24 Nov 2026 10:12:05 +0000",
    )] == [5.0, 0.0, 70.0]  # fmt: skip


@pytest.mark.parametrize(
    "field",
    [
        "",
        ";",
        "by",
        "by ;",
        "nonsense; nonsense",
        "by x with y; Tue, 99 Nov 2026 99:99:99 +9999",
        "(" * 4000,
        "by x; " + "9" * 3000,
    ],
)
def test_fields_that_say_nothing_have_no_time(field: str) -> None:
    """Anybody wrote them: nothing raises, and nothing is guessed."""
    [(_, _, seconds)] = hops(field)
    assert seconds is None


def test_hops_and_their_words_are_bounded() -> None:
    """Twenty, and a name is no novel."""
    found = hops(*["from x by " + "y" * 5000 + " with z; Tue, 24 Nov 2026 10:12:10 +0000"] * 60)
    assert len(found) == 20
    assert all(len(by or "") <= 100 for by, _, _ in found)


def report(*fields: str) -> bytes:
    lines = "\r\n".join(fields)
    return (
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nDiagnostic-Code: smtp; not this\r\n"
        f"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n{lines}\r\n--b--\r\n"
    ).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (report("Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no; such\r\n user"), "550 5.1.1 no; such user"),
        (report("Diagnostic-Code: 550 untyped"), "550 untyped"),
        (report("Status: 5.2.2"), "5.2.2"),
        (report("Diagnostic-Code: smtp;"), None),
        (report("Action: failed"), None),
        (b"Subject: no report\r\n\r\nx\r\n", None),
        (b"", None),
        (b"Content-Type: message/rfc822\r\n\r\n" * 2000, None),
        (b'Content-Type: multipart/report; boundary="\r\n\r\n--', None),
        (report("Diagnostic-Code: smtp; \udc80\udcff 550"), "\ufffd\ufffd 550"),
    ],
)
def test_diagnosis_of_a_bounce(octets: bytes, reason: str | None) -> None:
    """RFC 3464: the code, else the status; whatever cannot be read is none."""
    assert diagnosis(octets) == reason
