"""A message that is really sent: delivered, in junk, lost, late, returned; and what goes wrong on the way there."""

import re
import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any

import pytest

from imapcheck import CheckResult
from support.mail_server import Box
from support.round_trip import RECEIVED, World, world
from support.smtp_server import Envelope
from support.wire_server import REFERENCE, Exchange, bye, close, delay, hang, no, once, raw, reply

SENDING = ("send_connect", "send_authenticate", "submit", "arrival")


def told(result: CheckResult) -> tuple[str, str, str]:
    assert result.failure is not None
    return result.failure.step, result.failure.type.value, result.failure.detail


def commands(there: World) -> list[str]:
    return [re.sub(r"[0-9a-f]{8}-\S+", "UUID", line) for line in there.imap.commands]


def test_delivered() -> None:
    """Sent, pushed, read: with its way, and what the receiving server found."""
    with world() as there:
        result = there.run(search="round trip")
    assert result.available, result.failure
    assert all(result.step(name).status == "passed" for name in SENDING)  # type: ignore[union-attr,arg-type]
    delivery = result.delivery
    assert delivery is not None
    assert (delivery.queued_as, delivery.mailbox) == ("4XyZ", "INBOX")
    assert delivery.arrival_ms is not None
    assert delivery.pushed_ms is not None
    assert 0 < delivery.pushed_ms <= delivery.arrival_ms
    assert result.to_dict()["delivery"]["hops"] == [{"by": "mx.example", "with": "ESMTPS", "seconds": 0.0}]
    assert result.to_dict()["delivery"]["authentication"] == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert result.search is not None
    assert result.search.matches == 1
    assert result.warnings == ()


def test_message_is_complete_and_says_what_it_is() -> None:
    """RFC 5322, RFC 3834; the addresses are the definition's, in envelope and header alike."""
    with world() as there:
        result = there.run({"from": "Mönitor <monitor@example.com>", "to": '"Seed, A" <seed@example.net>'})
    (envelope,) = there.smtp.envelopes
    assert (envelope.sender, envelope.recipients) == ("monitor@example.com", ("seed@example.net",))
    message = message_from_bytes(envelope.octets)
    assert message["X-Imapcheck"] == "wire"
    assert message["X-Imapcheck-Run"] == result.run_id
    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", "bulk")
    assert message["Subject"] == "imapcheck round trip"
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", message["Message-ID"])
    assert not message.defects
    assert all(len(line) <= 78 for line in envelope.octets.split(b"\r\n"))


def test_order_of_the_commands() -> None:
    """UIDNEXT, junk's, and IDLE before anything is sent; a FETCH of header fields decides, never a SEARCH."""
    with world() as there:
        assert there.run().available
    assert commands(there)[-5:] == [
        "EXAMINE INBOX (CONDSTORE)",
        "STATUS Spam (UIDNEXT)",
        "IDLE",
        "UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (X-IMAPCHECK-RUN RECEIVED AUTHENTICATION-RESULTS CONTENT-TYPE)])",
        "LOGOUT",
    ]
    assert [line.split()[0] for line in there.smtp.commands] == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("script", "times"),
    [({"MESSAGE": reply(b"554 5.7.1 no")}, 1), ({"RCPT": reply(b"450 4.7.1 later")}, 1), ({"RCPT": close}, 0)],
    ids=["message refused", "recipient deferred", "connection lost"],
)
def test_quit_is_said_once_and_not_into_a_session_that_ended(script: dict[str, Any], times: int) -> None:
    with world(script) as there:
        result = there.run()
    assert sum(line.endswith("C: QUIT") for line in result.transcript) == times


def test_quit_is_said_once_where_the_message_was_taken_and_did_not_arrive() -> None:
    with world() as there:
        there.lands_in = None
        result = there.run()
    assert sum(line.endswith("C: QUIT") for line in result.transcript) == 1


def test_session_without_send_sends_what_it_sent_before() -> None:
    """Not a command more, and no step."""
    with world() as there:
        result = there.run(send=None, search={"subject": "x", "min_matches": 0})
        with_send = commands(there)
    with world() as there:
        definition = there.define(search={"subject": "x", "min_matches": 0})
        data = definition.model_dump(by_alias=True, exclude_unset=True, mode="json")
        del data["send"]
        from imapcheck import CheckDefinition, run_check
        from support.round_trip import CREDENTIALS

        plain = run_check(CheckDefinition.model_validate(data | {"tls": {"mode": "none"}}), CREDENTIALS)
        without = commands(there)
    assert there.smtp.connections == 0
    assert plain.delivery is None
    assert result.delivery is not None
    extra = ("STATUS", "IDLE", "UID FETCH 1:*")
    assert [line for line in with_send if not line.startswith(extra)] == without
    assert {step.name for step in plain.steps} == {step.name for step in result.steps} - set(SENDING)


def test_in_junk() -> None:
    """With the reason that the receiving server gives; the session goes on."""
    with world() as there:
        there.lands_in, there.headers = "Spam", RECEIVED.replace(b"dkim=pass", b"dkim=fail")
        result = there.run(search={"subject": "x", "min_matches": 0})
    step, type, detail = told(result)
    assert (step, type) == ("arrival", "delivered_to_junk")
    assert re.fullmatch(r"arrived in Spam after [\d.]+ s; spf=pass dkim=fail dmarc=pass", detail)
    assert result.delivery is not None
    assert result.delivery.mailbox == "Spam"
    assert result.delivery.pushed_ms is None
    assert [warning.type for warning in result.warnings] == ["delivery_authentication"]
    assert result.step("search").status == "passed"  # type: ignore[union-attr]
    assert commands(there)[-2].startswith("UID SEARCH")
    assert "EXAMINE INBOX (CONDSTORE)" in commands(there)[-3]


def test_lost() -> None:
    """Accepted and in no mailbox: told with the queue id, the time and the places; the session goes on."""
    with world() as there:
        there.lands_in = None
        result = there.run(search={"subject": "x", "min_matches": 0})
    step, type, detail = told(result)
    assert (step, type) == ("arrival", "not_delivered")
    accepted = r"accepted by localhost at \d\d:\d\d:\d\d UTC, queued as 4XyZ"
    pattern = rf"{accepted}; neither in INBOX nor in Spam after 2(\.\d+)? s"
    assert re.fullmatch(pattern, detail)
    assert result.delivery is not None
    assert (result.delivery.queued_as, result.delivery.mailbox, result.delivery.hops) == ("4XyZ", None, ())
    assert result.step("search").status == "passed"  # type: ignore[union-attr]
    assert result.step("logout").status == "passed"  # type: ignore[union-attr]


def test_late_is_not_delivered() -> None:
    """What comes after `within` comes too late for this run."""
    with world() as there:
        there.after = 3
        began = time.monotonic()
        assert told(there.run())[1] == "not_delivered"
        assert 2 <= time.monotonic() - began < 3


def test_duration_leaves_the_wait_out_and_a_threshold_judges_it() -> None:
    """How long mail takes is not the mail server's answer time."""
    with world() as there:
        there.after = 0.5
        result = there.run(thresholds={"arrival": 400, "total": 400})
    arrival = result.step("arrival")
    assert arrival is not None
    assert arrival.duration_ms is not None
    assert arrival.duration_ms > 400 > result.duration_ms
    assert [passed.name for passed in result.exceeded] == ["arrival"]
    assert result.slow


def test_somebody_elses_mail_decides_nothing() -> None:
    """Delivered before and after the watch began, of other runs, and with the number in the wrong place."""
    with world() as there:
        there.store["INBOX"].put(b"X-Imapcheck-Run: old\r\n\r\nx\r\n")

        def others(envelope: Envelope) -> None:
            run = message_from_bytes(envelope.octets)["X-Imapcheck-Run"].encode()
            for header in (b"Subject: " + run, b"X-Imapcheck-Run: " + run[:-1], b"X-Imapcheck-Run: x", b"X-Y: " + run):
                there.store["INBOX"].put(header + b"\r\n\r\n" + run + b"\r\n")
            there.store["INBOX"].put(b"X-Imapcheck-Run: " + run + b"\r\nX-Imapcheck-Run: twice\r\n\r\nx\r\n")

        there.on_the_way, there.lands_in = others, None
        assert told(there.run())[1] == "not_delivered"
        there.lands_in = "INBOX"
        assert there.run().available


@pytest.mark.parametrize("capabilities", [REFERENCE, f"{REFERENCE} IDLE X-SLEEPS"])
def test_without_a_push_it_is_found_all_the_same(capabilities: str) -> None:
    """No IDLE: NOOP every two seconds; an IDLE that tells nothing: a look every five, and at the end."""
    with world(capabilities=capabilities) as there:
        result = there.run({"within": "4s"})
    assert result.available
    assert result.delivery is not None
    assert result.delivery.pushed_ms is None
    assert ("NOOP" in commands(there)) == (capabilities == REFERENCE)


@pytest.mark.parametrize("command", ["UID FETCH", "IDLE", "STATUS"])
def test_what_is_told_in_another_answer_is_looked_at_at_once(command: str) -> None:
    """Servers tell of mail with whatever answer comes next, and only once."""
    with world() as there:
        sent: list[Envelope] = []

        def others_come(envelope: Envelope) -> None:
            sent.append(envelope)
            there.store["INBOX"].put(b"Subject: of somebody else\r\n\r\nx\r\n")

        def ours_comes(exchange: Exchange) -> bool:
            if not sent:
                return True
            there.store["INBOX"].put(there.headers + sent.pop().octets)
            if command == "UID FETCH":
                item = b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X)] {2}\r\n\r\n)\r\n"
                exchange.send(item + b"* 2 EXISTS\r\n" + exchange.tag + b" OK done\r\n")
                return False
            exchange.send(b"* 2 EXISTS\r\n")
            return True

        there.imap.script[command] = ours_comes
        there.on_the_way, there.lands_in = others_come, None
        result = there.run({"within": "9s"}, timeout=25)
    assert result.available, result.failure
    assert result.delivery is not None
    assert result.delivery.arrival_ms is not None
    # Junk is asked for after five seconds, and after five more without news of ours.
    assert result.delivery.arrival_ms < (6500 if command == "STATUS" else 2000)


def test_idle_that_is_refused_costs_a_fallback() -> None:
    """An extension that is advertised and does not work never costs the verdict."""
    with world(imap_script={"IDLE": no}) as there:
        result = there.run({"within": "4s"})
    assert result.available
    assert "IDLE: NO not today; NOOP every 2 s instead" in str(result.step("examine"))


def test_without_a_junk_mailbox_only_the_inbox_is_watched() -> None:
    """And the failure says so."""
    with world(boxes={"INBOX": Box()}) as there:
        there.lands_in = None
        assert re.search(r"; not in INBOX after 2(\.\d+)? s$", told(there.run())[2])
        assert not any(line.startswith("STATUS") for line in commands(there))


@pytest.mark.parametrize(
    ("answer", "type", "words"),
    [
        (
            b"* STATUS INBOX ()\r\n%t OK done\r\n",
            "protocol_error",
            "the server does not say which UID is next (UIDNEXT)",
        ),
        (b"%t OK done\r\n", "protocol_error", "the server does not say which UID is next (UIDNEXT)"),
        (b"%t NO not today\r\n", "command_rejected", "the server answered NO not today"),
    ],
)
def test_nothing_is_sent_where_new_mail_could_not_be_told_from_old(answer: bytes, type: str, words: str) -> None:
    """Neither EXAMINE nor STATUS says which UID comes next, which RFC 9051 demands of both."""
    opened = reply(b"* 0 EXISTS", b"%t OK [READ-ONLY] opened")
    with world(imap_script={"EXAMINE": opened, "STATUS": raw(answer)}) as there:
        assert told(there.run()) == ("examine", type, words)
        assert there.smtp.envelopes == []


def test_junk_mailbox_that_cannot_be_looked_into_is_remarked() -> None:
    """It is no reason for a failure."""
    with world(imap_script={"STATUS": no}) as there:
        result = there.run()
    assert result.available
    assert "the junk mailbox is not watched: NO not today" in str(result.step("examine"))


def test_mailbox_of_a_filter() -> None:
    """`send.mailbox` is opened instead, and the search's own again for the search."""
    boxes = {"INBOX": Box(), "Monitor": Box()}
    with world(boxes=boxes) as there:
        there.lands_in = "Monitor"
        result = there.run({"mailbox": "Monitor"}, search={"subject": "x", "min_matches": 0})
    assert result.available, result.failure
    assert result.delivery is not None
    assert result.delivery.mailbox == "Monitor"
    opened = [line for line in commands(there) if line.startswith("EXAMINE")]
    assert opened == [f"EXAMINE {name} (CONDSTORE)" for name in ("INBOX", "Monitor", "INBOX")]


def test_mailbox_that_is_not_there_fails_before_anything_is_sent() -> None:
    """At `examine`, as any other."""
    with world() as there:
        assert told(there.run({"mailbox": "Nowhere"}))[:2] == ("examine", "mailbox_not_found")
        assert told(there.run({"mailbox": "\\Archive"})) == (
            "examine", "mailbox_not_found", "no mailbox has the special use \\Archive; set send.mailbox to a name"
        )  # fmt: skip
    assert there.smtp.connections == 0


BOUNCE = b"""From: MAILER-DAEMON@mx.example\r
Subject: Undelivered\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
Sorry.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; seed@example.net\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 <seed@example.net>: Recipient address rejected:\r
 User unknown\r
--b\r
Content-Type: text/rfc822-headers\r
\r
X-Imapcheck-Run: %b\r
--b--\r
"""


@pytest.mark.parametrize(
    ("send", "reads"),
    [
        ({"to": "monitor@example.com"}, True),
        ({"from": "Alice@localhost", "to": "x@y.example"}, True),
        ({"from": "bob@localhost"}, False),
        ({}, False),
    ],
)
def test_bounce_is_read_where_it_would_come(send: dict[str, Any], reads: bool) -> None:
    """With its diagnostic code, at once; where the sender is another mailbox nobody's report is fetched."""
    with world() as there:

        def bounce(envelope: Envelope) -> None:
            run = message_from_bytes(envelope.octets)["X-Imapcheck-Run"].encode()
            there.store["INBOX"].put(BOUNCE.replace(b"%b", b"another-run"))
            there.store["INBOX"].put(BOUNCE.replace(b"%b", run))

        there.on_the_way, there.lands_in = bounce, None
        began = time.monotonic()
        step, type, detail = told(there.run(send))
        elapsed = time.monotonic() - began
    assert (step, type) == ("arrival", "not_delivered")
    told_why = ", and returned: 550 5.1.1 <seed@example.net>: Recipient address rejected: User unknown"
    assert detail.endswith(told_why) == reads
    assert (elapsed < 1.5) == reads


@pytest.mark.parametrize("action", [b"delayed", b"Relayed", b"expanded"])
def test_report_that_mail_takes_longer_is_no_bounce(action: bytes) -> None:
    """The message may still arrive (RFC 3464 section 2.3.3)."""
    with world() as there:

        def delay(envelope: Envelope) -> None:
            run = message_from_bytes(envelope.octets)["X-Imapcheck-Run"].encode()
            there.store["INBOX"].put(BOUNCE.replace(b"%b", run).replace(b"failed", action))

        there.on_the_way, there.lands_in = delay, None
        assert "returned" not in told(there.run({"to": "monitor@example.com"}))[2]


def test_bounce_to_the_user_of_the_mailbox() -> None:
    """A user name that is an address is one that mail comes to."""
    from imapcheck import run_check
    from support.round_trip import CREDENTIALS

    credentials = CREDENTIALS.model_copy(update={"username": "Monitor@Example.com"})
    with world() as there:
        there.imap.dialect.username = "Monitor@Example.com"
        there.on_the_way = lambda envelope: there.store["INBOX"].put(  # type: ignore[assignment]
            BOUNCE.replace(b"%b", message_from_bytes(envelope.octets)["X-Imapcheck-Run"].encode())
        )
        there.lands_in = None
        assert "and returned: 550" in told(run_check(there.define(), credentials))[2]


REFUSALS = [
    ("MAIL", b"550 5.7.1 not you", "submission_refused", "5.7.1"),
    ("RCPT", b"550 5.1.1 no such user", "submission_refused", "5.1.1"),
    ("RCPT", b"450 4.2.0 Greylisted, see later", "submission_deferred", "4.2.0"),
    ("DATA", b"451 4.3.0 trouble", "submission_deferred", "4.3.0"),
    ("DATA", b"554 no", "submission_refused", None),
    ("MESSAGE", b"552 5.2.3 too large", "submission_refused", "5.2.3"),
    ("MESSAGE", b"451 4.7.1 later", "submission_deferred", "4.7.1"),
    ("RCPT", b"421 4.7.0 too fast", "submission_deferred", "4.7.0"),
]


@pytest.mark.parametrize(("command", "answer", "type", "code"), REFUSALS)
def test_refused_and_deferred(command: str, answer: bytes, type: str, code: str | None) -> None:
    """In the server's words, with the enhanced status code; IMAP is left politely."""
    with world({command: reply(answer)}) as there:
        result = there.run(retries=2)
    assert told(result) == ("submit", type, f"the server answered {answer.decode()}")
    assert result.failure is not None
    assert result.failure.response_code == code
    assert result.attempts == 1
    assert result.delivery is None
    assert result.step("arrival").status == "skipped"  # type: ignore[union-attr]
    assert result.step("logout").status == "passed"  # type: ignore[union-attr]
    assert commands(there)[-1] == "LOGOUT"
    assert b"DONE\r\n" in there.imap.raw
    if b"421" not in answer:
        assert there.smtp.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("answer", "type"),
    [
        (b"535 5.7.8 Error: authentication failed", "authentication_failed"),
        (b"535 Incorrect authentication data", "authentication_failed"),
        (b"454 4.7.0 Temporary authentication failure", "authentication_unavailable"),
        (b"421 4.7.0 try later", "authentication_unavailable"),
        (b"535 LDAP server is unavailable", "authentication_unavailable"),
        (b"534 5.7.9 mechanism is too weak", "mechanism_not_offered"),
        (b"538 5.7.11 Encryption required", "mechanism_not_offered"),
        (b"504 5.5.4 Unrecognized authentication type", "mechanism_not_offered"),
        (b"503 5.5.1 not now", "command_rejected"),
        (b"501 5.5.2 invalid password", "authentication_failed"),
    ],
)
def test_refused_login(answer: bytes, type: str) -> None:
    """By the code (RFC 4954 section 6), and by words where that says nothing."""
    with world({"AUTH": reply(answer)}) as there:
        result = there.run()
    assert told(result) == ("send_authenticate", type, f"the server answered {answer.decode()}")
    assert result.step("authenticate").status == "passed"  # type: ignore[union-attr]
    assert there.smtp.received == []


def test_advice_names_the_keys_of_the_sending_server() -> None:
    """Else somebody changes the mailbox's."""
    with world({"EHLO": reply(b"250 mail.example")}) as there:
        failure = there.run({"tls": {"mode": "starttls"}}).failure
    assert failure is not None
    assert failure.type.value == "starttls_unavailable"
    assert "use smtps:// in the definition" in failure.advice
    with world({"EHLO": reply(b"250-mail.example", b"250 AUTH PLAIN")}) as there:
        failure = there.run().failure
    assert failure is not None
    assert failure.type.value == "mechanism_not_offered"
    assert "set send.authentication in the definition" in failure.advice


def test_mechanism_that_is_not_offered() -> None:
    """Told with those that are."""
    from support.smtp_server import Submission

    with world(offer=Submission(mechanisms="PLAIN LOGIN")) as there:
        step, type, detail = told(there.run())
    assert (step, type) == ("send_authenticate", "mechanism_not_offered")
    assert detail == "the server does not offer CRAM-MD5: it offers LOGIN, PLAIN"


def test_relay_without_a_login() -> None:
    """`send.authentication: none` says no AUTH, and has no step for it."""
    from support.smtp_server import Submission

    with world(offer=Submission(mechanisms=None)) as there:
        result = there.run({"authentication": "none"})
    assert result.available
    assert result.step("send_authenticate") is None
    assert not any(line.startswith("AUTH") for line in there.smtp.commands)


@pytest.mark.parametrize(
    ("script", "step", "type"),
    [
        ({"GREETING": close}, "send_connect", "connection_lost"),
        ({"GREETING": hang}, "send_connect", "timeout"),
        ({"GREETING": reply(b"554 5.7.1 no")}, "send_connect", "greeting_rejected"),
        ({"GREETING": raw(b"* OK IMAP4rev1\r\n", hang)}, "send_connect", "not_smtp"),
        ({"EHLO": reply(b"502 5.5.1 no")}, "send_connect", "command_rejected"),
        ({"MAIL": close}, "submit", "connection_lost"),
        ({"DATA": raw(b"354 go\n", hang)}, "submit", "protocol_error"),
        ({"MESSAGE": close}, "submit", "connection_lost"),
        ({"MESSAGE": hang}, "submit", "timeout"),
    ],
)
def test_trouble_on_the_way_to_submission(script: dict[str, Any], step: str, type: str) -> None:
    """Each at its step, and in time."""
    with world(script) as there:
        began = time.monotonic()
        result = there.run({"within": "1s"}, seconds=3)
        assert time.monotonic() - began < 5
    assert told(result)[:2] == (step, type)
    assert result.step("arrival").status == "skipped"  # type: ignore[union-attr]


@pytest.mark.parametrize("script", [{"MESSAGE": close}, {"MESSAGE": reply(b"451 4.3.0 later")}, {"MESSAGE#1": hang}])
def test_what_was_sent_is_never_sent_again(script: dict[str, Any]) -> None:
    """The body went out; whether it was taken is not known, and two would be worse than none."""
    with world(script) as there:
        result = there.run({"within": "1s"}, retries=2, seconds=3)
        assert not result.available
        assert result.attempts == 1
        assert len(there.smtp.received) == 1


def test_trouble_before_the_body_is_tried_again_and_sends_once() -> None:
    """A glitch of the connection; the second attempt has the whole of the time that is left."""
    with world({"MAIL": once(close)}) as there:
        there.after = 1.5
        result = there.run(retries=1)
        assert result.available, result.failure
    assert result.attempts == 2
    assert len(there.smtp.envelopes) == 1


def test_trouble_of_imap_after_the_message_was_accepted_sends_nothing_again() -> None:
    """The watch breaks: by its end, by BYE, by junk in the answer."""
    for script in ({"UID FETCH": close}, {"UID FETCH": bye}, {"UID FETCH": raw(b"nonsense\r\n", hang)}):
        with world(imap_script=script) as there:
            result = there.run(retries=2)
        assert told(result)[0] == "arrival"
        assert result.attempts == 1
        assert len(there.smtp.received) == 1
        assert result.delivery is not None
        assert result.delivery.queued_as == "4XyZ"


@pytest.mark.parametrize(
    ("answer", "type", "words"),
    [
        (b"* BYE shutting down\r\n", "connection_lost", "the server ended the session: BYE shutting down"),
        (b"A0009 OK done\r\n", "protocol_error", "IDLE before it was done"),
        (b"nonsense\r\n", "protocol_error", "not an IMAP response"),
    ],
)
def test_trouble_while_idling(answer: bytes, type: str, words: str) -> None:
    """What the server says instead of news."""
    with world(imap_script={"IDLE": raw(b"+ idling\r\n" + answer, hang)}) as there:
        there.lands_in = None
        step, told_type, detail = told(there.run())
    assert (step, told_type) == ("arrival", type)
    assert words in detail


def test_flood_while_idling_ends_in_time() -> None:
    """Endless news of nothing."""

    def flood(exchange: Any) -> None:
        exchange.send(b"+ idling\r\n")
        while not exchange.server.stopping.is_set():
            exchange.send(b"* 1 EXISTS\r\n* 1 FETCH (FLAGS ())\r\n" * 500)

    with world(imap_script={"IDLE": flood}) as there:
        began = time.monotonic()
        result = there.run(seconds=3.5)
        assert time.monotonic() - began < 5.5
    assert not result.available


def test_run_whose_time_ends_before_the_wait_says_so() -> None:
    """A slow submission took it: nobody can say that the message was lost."""
    with world({"MESSAGE": delay(2)}) as there:
        there.lands_in = None
        result = there.run({"within": "3s"}, seconds=4)
    step, type, detail = told(result)
    assert (step, type) == ("arrival", "timeout")
    assert "before send.within" in detail


OLD = datetime.now(UTC) - timedelta(days=3)


def own(check: str = "wire") -> bytes:
    """A message that a run of `check` sent."""
    return b"X-Imapcheck-Run: 0190\r\n" + filed(check)


def filed(check: str = "wire") -> bytes:
    """One that it only filed, as `new_message` does."""
    return b"Subject: imapcheck round trip\r\nX-Imapcheck: " + check.encode() + b"\r\n\r\nx\r\n"


def test_cleanup_removes_proved_own_messages_and_no_others_while_another_client_delivers() -> None:
    """In INBOX and in junk: other checks', other people's, young ones, filed ones and those without our fields stay."""
    boxes = {"INBOX": Box(), "Spam": Box(special="\\Junk"), "Sent": Box(special="\\Sent")}
    gone, stay = list[tuple[str, int]](), list[tuple[str, int]]()
    for name in ("INBOX", "Spam"):
        gone += [(name, boxes[name].put(own(), OLD)), (name, boxes[name].put(own(), OLD, ["\\Seen"]))]
        stay += [(name, boxes[name].put(own("other"), OLD)), (name, boxes[name].put(own("wire2"), OLD))]
        stay += [(name, boxes[name].put(b"Subject: imapcheck round trip\r\n\r\nx\r\n", OLD, ["\\Deleted"]))]
        stay += [(name, boxes[name].put(own(), datetime.now(UTC) - timedelta(hours=23)))]
        stay += [(name, boxes[name].put(b"X-Imapcheck: wire\r\n" + own(), OLD))]
        stay += [(name, boxes[name].put(filed(), OLD)), (name, boxes[name].put(b"X-Imapcheck-Run: 1\r\n" + own(), OLD))]
    stay.append(("Sent", boxes["Sent"].put(own(), OLD)))

    def deliver_meanwhile(exchange: Any) -> bool:
        there.store["INBOX"].put(b"Subject: mine\r\n\r\nx\r\n")
        return True

    script = {"SELECT": deliver_meanwhile, "UID STORE": deliver_meanwhile, "UID EXPUNGE": deliver_meanwhile}
    with world(boxes=boxes, imap_script=script) as there:
        result = there.run({"keep_for": "1d"})
        assert result.available
        assert str(result.step("cleanup").detail) == "INBOX: 2 removed; Spam: 2 removed"  # type: ignore[union-attr]
        for name, uid in gone:
            assert uid not in there.store[name].uids()
        for name, uid in stay:
            assert uid in there.store[name].uids(), (name, uid)
        assert len(there.store["INBOX"].mails) == 7 + 1 + 6


def test_inbox_is_not_opened_writable_without_keep_for() -> None:
    """The exception is asked for by name."""
    with world() as there:
        assert there.run().available
    assert not any(line.startswith("SELECT") for line in commands(there))


def test_authentication_that_failed_is_a_warning() -> None:
    """Topmost header alone; it never makes a server unavailable."""
    with world() as there:
        there.headers = (
            b'Authentication-Results: mx.example 1; spf=softfail (a; b) smtp.mailfrom="x;dkim=fail"; dmarc/1 = fail\r\n'
            b"Authentication-Results: forged.example; spf=fail; dkim=fail\r\n"
        )
        result = there.run()
    assert result.available
    assert [(warning.type, warning.detail) for warning in result.warnings] == [
        ("delivery_authentication", "the receiving server found spf=softfail dmarc=fail")
    ]


def test_no_secret_and_no_body_in_transcript_or_result() -> None:
    """Both logins, whatever the servers repeat of them."""
    echo = reply(b"250 2.0.0 Ok canary-s3nding and canary-pa55word: queued as canary-s3nding")
    with world({"MESSAGE": echo}) as there:
        there.lands_in = None
        result = there.run({"within": "1s"})
    words = str(result.to_dict())
    assert "canary" not in words
    assert "Nobody needs to read it" not in words
    assert result.delivery is not None
    assert result.delivery.queued_as == "********"
