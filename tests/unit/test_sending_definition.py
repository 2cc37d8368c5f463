"""`send` in the definition: how its server is written, what is refused, what is warned of, whose login it is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from imapcheck import CheckDefinition
from imapcheck.definition.files import parse_definition
from imapcheck.errors import DefinitionError
from imapcheck.stack.doubts import doubts
from imapcheck.stack.refusals import refusals

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SEND = {
    "server": "smtps://mail.example.com/",
    "from": "monitor@example.com",
    "to": "seed@example.net",
    "keep_for": "1d",
}


def define(send: dict[str, Any] | None = None, **fields: Any) -> CheckDefinition:
    return parse_definition(
        {"server": "imaps://mail.example.com/", "send": SEND | (send or {})} | fields, source="definition"
    )


@pytest.mark.parametrize(
    ("server", "mode", "endpoint"),
    [
        ("smtps://mail.example.com:465/", None, ("mail.example.com", 465, "implicit")),
        ("smtps://mail.example.com", None, ("mail.example.com", 465, "implicit")),
        ("SMTP://Mail.Example.com/", None, ("mail.example.com", 587, "starttls")),
        ("smtp://mail.example.com:2525", None, ("mail.example.com", 2525, "starttls")),
        ("mail.example.com", None, ("mail.example.com", 465, "implicit")),
        ("mail.example.com", "starttls", ("mail.example.com", 587, "starttls")),
        ("mail.example.com:587", "starttls", ("mail.example.com", 587, "starttls")),
        ("smtps://mail.example.com", "starttls", ("mail.example.com", 465, "starttls")),
        ("smtps://192.0.2.7", None, ("192.0.2.7", 465, "implicit")),
        ("[2001:db8::7]:465", None, ("2001:db8::7", 465, "implicit")),
        ("smtps://bücher.example", None, ("xn--bcher-kva.example", 465, "implicit")),
    ],
)
def test_sending_server_is_read_as_the_other(server: str, mode: str | None, endpoint: tuple[str, int, str]) -> None:
    """With the schemes and ports of submission (RFC 8314)."""
    send = define({"server": server, "tls": {"mode": mode}}).send
    assert send is not None
    assert (send.host, send.port, send.tls_mode) == endpoint


@pytest.mark.parametrize(
    "server", ["imaps://a.example", "smtps://a.example/path", "smtps://u:p@a.example", "http://a", "a b"]
)
def test_sending_server_that_is_none(server: str) -> None:
    """No value that may hold a password is repeated."""
    with pytest.raises(DefinitionError, match=r"^definition: send\.server: found") as raised:
        define({"server": server})
    assert "u:p" not in str(raised.value)


@pytest.mark.parametrize(
    ("within", "timeout", "good"), [("20s", 30, True), ("21s", 30, False), ("110s", 120, True), ("110s", 119, False)]
)
def test_the_wait_must_fit(within: str, timeout: int, good: bool) -> None:
    """With ten seconds for the rest; the refusal names the least timeout."""
    if good:
        assert define({"within": within}, timeout=timeout).send is not None
        return
    least = int(within[:-1]) + 10
    with pytest.raises(DefinitionError, match=rf"timeout: found {timeout}, expected at least {least}, for"):
        define({"within": within}, timeout=timeout)


def refused(send: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    return refusals(define(send, **fields), "x", NOW)


SCHEDULE: dict[str, Any] = {"schedule": {"every": "5m"}, "secret": "imapcheck/mail"}


def test_one_login_serves_both_servers_of_one_host() -> None:
    """And no other: a secret goes to the host that it was made for."""
    assert refused(**SCHEDULE) == []
    assert refused({"server": "smtp://mail.example.com"}, **SCHEDULE) == []
    other = {"server": "smtps://smtp.example.com"}
    needs = "smtp.example.com is not the host of server: it needs the name of its own secret, or authentication none"
    assert refused(other, **SCHEDULE) == [f"x: send.secret: missing ({needs})"]
    assert refused(other) == []
    assert refused(other | {"authentication": "none"}, **SCHEDULE) == []
    assert refused(other | {"secret": "imapcheck/sender"}, **SCHEDULE) == []


@pytest.mark.parametrize("server", ["smtp://mail.example.com:25", "mail.example.com:25"])
def test_port_25_is_refused_where_lambda_sends(server: str) -> None:
    """A laptop may reach it."""
    assert refused({"server": server}, **SCHEDULE) == [
        "x: send.server: found port 25, expected 465 or 587, as Lambda cannot reach port 25 of any host"
    ]
    assert refused({"server": server}) == []


def doubted(send: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    return [line.removeprefix("x: warning: ") for line in doubts(define(send, **fields), "x", NOW)]


@pytest.mark.parametrize(("every", "count"), [("5m", "8,640"), ("1m", "43,200"), ("1h", "720"), ("24h", "30")])
def test_messages_that_stay_are_counted(every: str, count: str) -> None:
    """With `keep_for`, or without a schedule, there is nothing to warn of."""
    fields: dict[str, Any] = {"schedule": {"every": every}, "secret": "imapcheck/mail"}
    assert doubted({"keep_for": None}, **fields) == [
        f"send: without keep_for {count} messages a month stay in the mailbox"
    ]
    assert doubted(**fields) == []
    assert doubted({"keep_for": None}) == []


@pytest.mark.parametrize(
    ("send", "words"),
    [
        ({"server": "smtp://mail.example.com:465"}, "send.server: STARTTLS on port 465"),
        ({"server": "smtps://mail.example.com:587"}, "send.server: TLS from the start on port 587"),
        (
            {"authentication": "none", "secret": "imapcheck/x"},
            "send.secret: has no effect: send.authentication is none",
        ),
        (
            {"authentication": "none", "tls": {"verify": False, "allow_unverified_login": True}},
            "send.tls.allow_unverified_login: has no effect: send.authentication is none",
        ),
        (
            {"authentication": "none", "tls": {"mode": "none", "server_name": "a.example"}},
            "send.tls.server_name: has no effect: send.tls.mode is none",
        ),
        ({"secret": "elsewhere/x"}, "send.secret: elsewhere/x does not begin with imapcheck/"),
        ({"mailbox": "\\Spam"}, "send.mailbox: no server knows the special use \\Spam"),
    ],
)
def test_what_has_no_effect_is_doubted(send: dict[str, Any], words: str) -> None:
    """One line each."""
    found = doubted(send)
    assert len(found) == 1, found
    assert found[0].startswith(words)


@pytest.mark.parametrize(("limit", "shown"), [(19_999, None), (20_000, "20 s"), (90_000, "1 min 30 s")])
def test_threshold_of_the_arrival_and_the_wait_for_it(limit: int, shown: str | None) -> None:
    """A message that takes so long is not late but lost; only what is shorter can ever be slow."""
    expected = [f"thresholds.arrival: {shown} reach send.within: what takes longer is not_delivered"]
    assert doubted({"within": "20s"}, thresholds={"arrival": limit}) == ([] if shown is None else expected)


def test_refusals_of_sending_are_told_beside_other_mistakes(tmp_path: Any) -> None:
    """One mistake hides no other (`salvage`)."""
    import json

    from imapcheck.stack.salvage import refusals_beside

    path = tmp_path / "mail.json"
    send = SEND | {"server": "smtp://smtp.example.com:25"}
    path.write_text(json.dumps({"server": "imaps://mail.example.com/", "send": send, "typo": 1} | SCHEDULE))
    told = refusals_beside(path, NOW)
    assert [line.split(": ")[1] for line in told] == ["send.server", "send.secret"]
