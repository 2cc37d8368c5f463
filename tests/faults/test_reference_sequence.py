"""The commands of the reference check, in its order, and what becomes of them on other servers."""

from typing import Any

import pytest

from conftest import NEW_MESSAGE, Define
from imapcheck import Credentials, run_check
from support.wire_server import MINIMAL, REFERENCE, Dialect, WireServer, close, delay, no, reply

FULL: dict[str, Any] = {"search": "IMAP testing", "new_message": NEW_MESSAGE}
PLAIN = "AUTHENTICATE PLAIN AGFsaWNlAGNhbmFyeS1wYTU1d29yZA=="


def test_reference_server_receives_exactly_the_reference_commands(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """On a server that offers what the reference product's does: docs/session.md, to the letter."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, result.failure
    commands = list(server.commands)
    append = commands.pop(-2)
    assert append.startswith("APPEND Sent {")
    assert commands == [
        "CAPABILITY",
        PLAIN,
        "NAMESPACE",
        'LIST "" INBOX',
        'LIST (SPECIAL-USE) "" *',
        'LIST "" [Special]',
        'LIST "" % RETURN (SUBSCRIBED CHILDREN)',
        "EXAMINE INBOX (CONDSTORE)",
        "UID SEARCH RETURN () CHARSET US-ASCII SUBJECT IMAP testing",
        "UID FETCH 4 (BODY.PEEK[])",
        'LIST "" % RETURN (SUBSCRIBED CHILDREN)',
        "LOGOUT",
    ]
    assert len(server.appended) == 1
    assert {step.status for step in result.steps} == {"passed"}  # none `refused`: ours answers all


def test_minimal_server_is_available_with_base_commands(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """`IMAP4rev1 AUTH=PLAIN` alone: extensions are skipped or replaced by their base form."""
    with WireServer(Dialect(capabilities=MINIMAL, volunteer=False), tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, result.failure
    assert [command for command in server.commands if not command.startswith("APPEND")] == [
        "CAPABILITY",
        "AUTHENTICATE PLAIN",
        "CAPABILITY",
        'LIST "" INBOX',
        'LIST "" %',
        "EXAMINE INBOX",
        "UID SEARCH CHARSET US-ASCII SUBJECT IMAP testing",
        "UID FETCH 4 (BODY.PEEK[])",
        'LIST "" %',
        "LOGOUT",
    ]
    namespace = result.step("namespace")
    assert namespace is not None
    assert (namespace.status, namespace.detail) == ("skipped", "server does not offer NAMESPACE")
    assert namespace.duration_ms is None
    listed = result.step("list")
    assert listed is not None
    assert (listed.status, listed.detail) == ("passed", "server does not offer SPECIAL-USE")
    assert result.new_message is not None
    assert (result.new_message.uid, result.new_message.mailbox) == (None, "Sent")


def test_imap4rev2_alone_implies_the_extensions(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A server that says IMAP4rev2 and no more is spoken to with what that includes (RFC 9051 appendix E)."""
    with WireServer(Dialect(capabilities="IMAP4rev2 AUTH=PLAIN"), tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, result.failure
    assert server.commands[1] == PLAIN
    assert "NAMESPACE" in server.commands
    assert "EXAMINE INBOX" in server.commands
    assert "UID SEARCH RETURN () CHARSET US-ASCII SUBJECT IMAP testing" in server.commands


def test_no_authentication_sends_capability_and_logout_only(define: Define, server_context: Any) -> None:
    """`authentication: none` is commands 1 and 13."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, authentication="none"))
    assert result.available
    assert server.commands == ["CAPABILITY", "LOGOUT"]


def test_login_only_examines_inbox_and_appends_nothing(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Without `search` and `new_message` steps 9 to 12 are not sent."""
    with WireServer(tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    assert server.commands[-2:] == ["EXAMINE INBOX (CONDSTORE)", "LOGOUT"]
    assert not any(command.startswith(("UID", "APPEND", "SELECT")) for command in server.commands)
    assert {step.name for step in result.steps}.isdisjoint({"search", "fetch", "locate_sent", "append", "cleanup"})


def test_starttls_asks_capability_again_and_times_apart(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """After STARTTLS what was said before is forgotten (RFC 9051 section 6.2.1)."""
    with WireServer(starttls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available, result.failure
    assert server.commands[:4] == ["CAPABILITY", "STARTTLS", "CAPABILITY", PLAIN]
    names = [step.name for step in result.steps]
    assert names[:7] == ["dns", "connect", "greeting", "capability", "starttls", "tls", "authenticate"]
    assert len(set(names)) == len(names)


def test_starttls_not_offered_ends_before_any_login(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """No STARTTLS, no login."""
    with WireServer(
        starttls=server_context, script={"CAPABILITY": reply(b"* CAPABILITY IMAP4rev1", b"%t OK x")}
    ) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("starttls", "starttls_unavailable")
    assert server.commands == ["CAPABILITY", "LOGOUT"]


def test_injection_before_tls_is_a_protocol_error(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Anything pipelined behind the OK to STARTTLS ends the run."""
    with WireServer(
        starttls=server_context, script={"STARTTLS": reply(b"%t OK go", b"* CAPABILITY AUTH=PLAIN")}
    ) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    assert result.failure.type == "protocol_error"
    assert not any(command.startswith("AUTHENTICATE") for command in server.commands)


@pytest.mark.parametrize("secure", [True, False])
def test_preauth_is_never_a_tested_login(
    define: Define, credentials: Credentials, server_context: Any, secure: bool
) -> None:
    """PREAUTH: `protocol_error` at authenticate, `starttls_unavailable` before STARTTLS."""
    dialect = Dialect(greeting=b"* PREAUTH welcome")
    contexts = {"tls": server_context} if secure else {"starttls": server_context}
    with WireServer(dialect, **contexts) as server:
        result = run_check(define(server), credentials)
    assert result.failure is not None
    found = (result.failure.step, result.failure.type)
    assert found == (("authenticate", "protocol_error") if secure else ("starttls", "starttls_unavailable"))
    assert server.commands == ["CAPABILITY", "LOGOUT"]


def test_capability_is_asked_again_unless_volunteered(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """The capabilities after the login are the ones that count."""
    dialect = Dialect(capabilities="IMAP4rev1 AUTH=PLAIN SASL-IR", after_login="IMAP4rev1 NAMESPACE", volunteer=False)
    with WireServer(dialect, tls=server_context) as server:
        run_check(define(server), credentials)
    assert server.commands[:4] == ["CAPABILITY", PLAIN, "CAPABILITY", "NAMESPACE"]


def test_untagged_capability_with_the_login_counts_as_volunteered(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """`* CAPABILITY` before the tagged OK is as good as the response code."""
    script = {"AUTHENTICATE": reply(b"* CAPABILITY IMAP4rev1 NAMESPACE", b"%t OK in")}
    with WireServer(script=script, tls=server_context) as server:
        run_check(define(server), credentials)
    assert server.commands[2] == "NAMESPACE"


def test_namespace_prefix_is_in_the_listing(define: Define, credentials: Credentials, server_context: Any) -> None:
    """A personal namespace of `INBOX.` makes command 7 `INBOX.%`, and `INBOX.Sent` the sent mailbox."""
    dialect = Dialect(
        namespace=b'(("INBOX." ".")) NIL NIL',
        special=(b'(\\Sent) "." "INBOX.Elsewhere"',),
        top=(b'() "." "INBOX.Sent"', b'() "." "INBOX.Drafts"'),
    )
    with WireServer(dialect, tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.new_message is not None
    assert result.new_message.mailbox == "INBOX.Sent"
    assert [command for command in server.commands if command.startswith("LIST")] == [
        'LIST "" INBOX',
        'LIST (SPECIAL-USE) "" *',
        'LIST "" INBOX.% RETURN (SUBSCRIBED CHILDREN)',
        'LIST "" INBOX.% RETURN (SUBSCRIBED CHILDREN)',
    ]


@pytest.mark.parametrize(
    ("top", "special", "mailbox"),
    [
        ([b'() "/" "sENT"', b'(\\Sent) "/" "Other"'], [], "sENT"),
        ([b'(\\Noselect) "/" "Sent"', b'(\\sent) "/" "Other"'], [], "Other"),
        ([b'(\\NonExistent) "/" "Sent"'], [b'(\\SENT) "/" "[G]/Gesendet"'], "[G]/Gesendet"),
        ([b'() "/" "Sent Messages"', b'() "/" "Sent Items"'], [], "Sent Items"),
        ([b'() "/" sent'], [], "sent"),
        ([b'() "/" "Entw&APw-rfe"', b'(\\Sent) "/" "Gel&APY-scht"'], [], "Gelöscht"),
        ([b'() "/" {4}\r\nSent'], [], "Sent"),
        ([b"() NIL 2026", b'() NIL "Sent"'], [], "Sent"),
    ],
)
def test_sent_mailbox_is_found_by_the_rules(
    define: Define, credentials: Credentials, server_context: Any, top: list[bytes], special: list[bytes], mailbox: str
) -> None:
    """Named Sent, flagged \\Sent, another usual name; never one that cannot be opened."""
    with WireServer(Dialect(top=tuple(top), special=tuple(special)), tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.available, result.failure
    assert result.new_message is not None
    assert result.new_message.mailbox == mailbox


def test_no_sent_mailbox_says_what_to_set(define: Define, credentials: Credentials, server_context: Any) -> None:
    """`locate_sent` fails with `mailbox_not_found` and names the setting."""
    with WireServer(Dialect(top=(), special=()), tls=server_context) as server:
        result = run_check(define(server, new_message=NEW_MESSAGE), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type) == ("locate_sent", "mailbox_not_found")
    assert "new_message.mailbox" in result.failure.detail
    assert server.commands[-1] == "LOGOUT"


def test_given_mailbox_is_used_in_modified_utf7_without_another_list(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """Command 11 is not sent where the definition names the mailbox."""
    message = NEW_MESSAGE | {"mailbox": "Gesendet ü & mehr"}
    with WireServer(tls=server_context) as server:
        result = run_check(define(server, new_message=message), credentials)
    assert result.available, result.failure
    assert server.commands[-2].startswith("APPEND Gesendet &APw- &- mehr {")
    step = result.step("locate_sent")
    assert step is not None
    assert step.status == "skipped"
    assert sum(command.startswith('LIST "" %') for command in server.commands) == 1


def test_content_failure_does_not_end_the_session(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """No match: unavailable, fetch skipped, and the message is filed all the same."""
    with WireServer(Dialect(uids=()), tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.failure is not None
    assert (result.failure.step, result.failure.type, result.failure.category) == ("search", "no_match", "content")
    assert not result.available
    statuses = {step.name: step.status for step in result.steps}
    assert (statuses["search"], statuses["fetch"], statuses["append"]) == ("failed", "skipped", "passed")
    assert server.commands[-1] == "LOGOUT"


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 2 4",
        b"* SEARCH 4 2 (MODSEQ 917162500)",
        b'* ESEARCH (TAG "%t") UID ALL 2,4',
        b"* ESEARCH UID ALL 2,4",
    ],
)
def test_search_results_in_every_spelling(
    define: Define, credentials: Credentials, server_context: Any, answer: bytes
) -> None:
    """Some servers answer SEARCH to a request for ESEARCH."""
    with WireServer(script={"UID SEARCH": reply(answer, b"%t OK done")}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (2, 4)
    [tag] = [words[1] for line in result.transcript if (words := line.split())[2:4] == ["UID", "SEARCH"]]
    assert f"S: {answer.decode().replace('%t', tag)}" in result.transcript  # short ones are shown as they came


@pytest.mark.parametrize(
    "answer", [(), (b"* SEARCH",), (b'* ESEARCH (TAG "%t") UID',), (b'* ESEARCH (TAG "other") UID ALL 9',)]
)
def test_no_match_in_every_spelling(
    define: Define, credentials: Credentials, server_context: Any, answer: tuple[bytes, ...]
) -> None:
    """Or nothing at all for no match."""
    with WireServer(script={"UID SEARCH": reply(*answer, b"%t OK done")}, tls=server_context) as server:
        result = run_check(define(server, search="x"), credentials)
    assert result.failure is not None
    assert result.failure.type == "no_match"
    assert result.search is not None
    assert (result.search.matches, result.search.uid) == (0, None)


def test_non_ascii_term_goes_out_as_a_utf8_literal(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """CHARSET UTF-8 and a literal; several terms must all match."""
    with WireServer(tls=server_context) as server:
        run_check(define(server, search=["Grüße", 'say "hi"']), credentials)
    search = next(command for command in server.commands if command.startswith("UID SEARCH"))
    assert search == 'UID SEARCH RETURN () CHARSET UTF-8 SUBJECT Grüße SUBJECT say "hi"'


def test_optional_refusals_are_recorded_and_the_run_goes_on(
    define: Define, credentials: Credentials, server_context: Any
) -> None:
    """NO to NAMESPACE and to LIST: `refused`, still available."""
    with WireServer(script={"NAMESPACE": no, "LIST#1": no, "ID": no}, tls=server_context) as server:
        result = run_check(define(server, identify=True, **FULL), credentials)
    assert result.available, result.failure
    statuses = {step.name: step.status for step in result.steps}
    assert [statuses[name] for name in ("id", "namespace", "list")] == ["refused"] * 3


def test_identify_sends_id_after_the_login(define: Define, credentials: Credentials, server_context: Any) -> None:
    """ID only where the definition asks and the server offers it."""
    with WireServer(tls=server_context) as server:
        run_check(define(server, identify=True), credentials)
    assert server.commands[2].startswith("ID (")
    with WireServer(Dialect(capabilities=REFERENCE.replace(" ID ", " ")), tls=server_context) as server:
        result = run_check(define(server, identify=True), credentials)
    step = result.step("id")
    assert step is not None
    assert step.status == "skipped"


@pytest.mark.parametrize(
    ("action", "status"),
    [
        (reply(b"* BYE later", then=close), "passed"),
        (no, "refused"),
        (close, "refused"),
        (reply(b"rubbish"), "refused"),
    ],
)
def test_bad_logout_never_makes_the_server_unavailable(
    define: Define, credentials: Credentials, server_context: Any, action: Any, status: str
) -> None:
    """BYE and the end of the connection is a pass; whatever else is not held against the server."""
    with WireServer(script={"LOGOUT": action}, tls=server_context) as server:
        result = run_check(define(server), credentials)
    assert result.available
    step = result.step("logout")
    assert step is not None
    assert step.status == status


def test_whatever_is_waited_for_is_some_steps(define: Define, credentials: Credentials, server_context: Any) -> None:
    """The clock runs within steps alone, and nothing is waited for outside one: every answer's delay is counted."""
    names = (
        "GREETING", "CAPABILITY", "AUTHENTICATE", "NAMESPACE", "LIST", "EXAMINE", "UID SEARCH", "UID FETCH", "APPEND",
        "LOGOUT",
    )  # fmt: skip
    with WireServer(script=dict.fromkeys(names, delay(0.02)), tls=server_context) as server:
        result = run_check(define(server, **FULL), credentials)
    assert result.available, result.failure
    assert len(server.commands) > 10
    assert result.duration_ms >= 20 * (len(server.commands) + 1)
    assert result.duration_ms == pytest.approx(sum(step.duration_ms or 0.0 for step in result.steps), abs=0.0011)
