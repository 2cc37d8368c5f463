"""Check definitions: what is taken, what is refused, and in which words."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imapcheck import CheckDefinition
from imapcheck.definition.files import load_definition, parse_definition
from imapcheck.definition.model import MAX_SIZE
from imapcheck.definition.schema import json_schema, part_schema
from imapcheck.errors import DefinitionError
from imapcheck.imap.decoder import MAX_BODY
from imapcheck.steps import STEP_NAMES, STEPS

ROOT = Path(__file__).parents[2]
INVALID = sorted((ROOT / "tests/data/invalid").glob("*.json"))


def define(**fields: Any) -> CheckDefinition:
    return CheckDefinition.model_validate({"server": "mail.example.com"} | fields)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_definition_is_refused_in_exactly_these_words(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One invalid definition per file; beside it stands the whole message."""
    monkeypatch.chdir(path.parent)
    with pytest.raises(DefinitionError) as refused:
        load_definition(Path(path.name))
    expected = path.with_suffix(".txt").read_text(encoding="utf-8").replace("STEPS;", f"{', '.join(STEP_NAMES)};")
    assert str(refused.value) + "\n" == expected
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "key",
    ["username", "user", "password", "passwd", "pass", "access_token", "refresh_token", "client_id", "client_secret",
     "token_url", "tenant_id"],
)  # fmt: skip
@pytest.mark.parametrize("server", [{}, {"server": "mail.example.com"}])
def test_credentials_in_a_definition_are_called_so(key: str, server: dict[str, str]) -> None:
    """Whether the whole file is a secret or only a key; and nothing of it is shown."""
    with pytest.raises(DefinitionError) as refused:
        parse_definition({**server, key: "canary"}, source="mail.json")
    assert "found credentials, which do not belong here" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_key_of_any_length_is_named_within_a_line() -> None:
    """60 characters of it."""
    for length, shown in ((60, "k" * 60), (61, "k" * 59 + "…")):
        with pytest.raises(DefinitionError, match=f"^mail.json: {shown}: found a key that is not known"):
            parse_definition({"server": "mail.example.com", "k" * length: 1}, source="mail.json")


OTHER_WORDS = {
    "authenticate": ["login", "auth", "authentication"], "dns": ["resolve", "lookup"], "connect": ["TCP", "connection"],
    "tls": ["handshake", "ssl"], "greeting": ["banner"], "examine": ["select"], "total": ["Duration"],
    "search": ["serch"], "send_connect": ["smtp"], "submit": ["send", "Submission"], "arrival": ["delivery", "arrive"],
}  # fmt: skip


@pytest.mark.parametrize(("step", "word"), [(step, word) for step, words in OTHER_WORDS.items() for word in words])
def test_other_words_for_steps_are_understood(step: str, word: str) -> None:
    """A threshold for what others call it."""
    with pytest.raises(DefinitionError, match=f'did you mean "{step}"\\?$'):
        parse_definition({"server": "mail.example.com", "thresholds": {word: 100}}, source="mail.json")


def test_every_other_word_for_a_step_is_tried() -> None:
    tried = {(step, word.lower()) for step, words in OTHER_WORDS.items() for word in words}
    assert {(step.name, word) for step in STEPS.values() for word in step.also} <= tried


@pytest.mark.parametrize(
    ("server", "endpoint"),
    [
        ("imaps://imap.gmail.com:993/", ("imap.gmail.com", 993, "implicit")),
        ("imaps://imap.gmail.com", ("imap.gmail.com", 993, "implicit")),
        ("IMAP://Mail.Example.com./", ("mail.example.com", 143, "starttls")),
        ("imap://mail.example.com:1143", ("mail.example.com", 1143, "starttls")),
        ("mail.example.com", ("mail.example.com", 993, "implicit")),
        ("mail.example.com:1993", ("mail.example.com", 1993, "implicit")),
        ("192.0.2.7", ("192.0.2.7", 993, "implicit")),
        ("192.0.2.7:994", ("192.0.2.7", 994, "implicit")),
        ("[2001:db8::1]:994", ("2001:db8::1", 994, "implicit")),
        ("[2001:db8::1]", ("2001:db8::1", 993, "implicit")),
        ("2001:db8::1", ("2001:db8::1", 993, "implicit")),
        ("imaps://[2001:DB8:0::1]:99/", ("2001:db8::1", 99, "implicit")),
        ("imaps://müller.example/", ("xn--mller-kva.example", 993, "implicit")),
        ("straße.example", ("xn--strae-oqa.example", 993, "implicit")),
        ("localhost:10143", ("localhost", 10143, "implicit")),
    ],
)
def test_server_in_every_spelling(server: str, endpoint: tuple[str, int, str]) -> None:
    """URL, bare host, host and port, IPv4, IPv6, internationalised names."""
    definition = define(server=server)
    assert (definition.host, definition.port, definition.tls_mode) == endpoint


def test_tls_mode_follows_the_scheme_unless_given() -> None:
    """And decides the default port of a bare host."""
    assert define(tls={"mode": "starttls"}).port == 143
    assert define(server="imap://h.example", tls={"mode": "implicit"}).tls_mode == "implicit"
    assert define(tls={"mode": "none"}, authentication="cram-md5").tls_mode == "none"


@pytest.mark.parametrize("authentication", ["plain", "login", "xoauth2", "oauthbearer"])
def test_credentials_never_travel_in_clear(authentication: str) -> None:
    """`none` with a mechanism that sends the secret is refused by the definition itself."""
    with pytest.raises(ValidationError, match="in clear"):
        define(tls={"mode": "none"}, authentication=authentication)


def test_unverified_login_needs_to_be_allowed_in_either_place() -> None:
    """Beside `verify` or at the top level."""
    assert define(tls={"verify": False, "allow_unverified_login": True}).tls.allow_unverified_login
    assert define(tls={"verify": False}, allow_unverified_login=True).tls.allow_unverified_login
    assert not define(tls={"verify": False}, authentication="none").tls.verify


@pytest.mark.parametrize("server", ["imap://h.example", "imaps://h.example", "h.example"])
def test_unverified_login_needs_leave_with_starttls_too(server: str) -> None:
    """The login would go to whoever answers, in TLS or not."""
    with pytest.raises(ValidationError, match="unknown server"):
        define(server=server, tls={"verify": False})


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(days=14)),
    ],
)
def test_units_of_durations(text: str, duration: timedelta) -> None:
    """A message is kept, and a mailbox is fresh, for exactly as long as was written."""
    message = {"from": "a@b.example", "to": "c@d.example", "subject": "s", "message": "m", "keep_for": text}
    definition = define(search={"subject": "x", "max_age": text}, new_message=message)
    assert definition.search is not None
    assert definition.new_message is not None
    assert definition.search.max_age == definition.new_message.keep_for == duration


@pytest.mark.parametrize("text", ["0s", "1", "s", "1.5h", "-1d", "1 d", "1D", "1000000s", "1y", 90, True, None, ["1d"]])
def test_no_duration(text: Any) -> None:
    """A number from 1 to 999999 and a unit."""
    if text is not None:
        with pytest.raises(ValidationError, match="a duration such as 90s, 15m, 12h or 1d"):
            define(search={"subject": "x", "max_age": text})


def test_server_name_may_be_internationalised() -> None:
    """What is verified is its form in the certificate."""
    assert define(tls={"server_name": "müller.example"}).tls.server_name == "xn--mller-kva.example"
    assert define(tls={"server_name": "Mail.Example.com."}).tls.server_name == "mail.example.com"
    with pytest.raises(ValidationError, match="server_name"):
        define(tls={"server_name": "no host"})


def test_search_in_every_form() -> None:
    """A term, several, or an object; one pair of surrounding quotes is dropped."""
    for given in ('"App password"', ["App password"], {"subject": "App password"}):
        definition = define(search=given)
        assert definition.search is not None
        assert definition.search.terms() == (("SUBJECT", "App password"),)
    full = define(search={"from": ["a", "b"], "text": "c", "max_age": "15m", "mailbox": "\\Junk", "max_size": 5}).search
    assert full is not None
    assert full.terms() == (("FROM", "a"), ("FROM", "b"), ("TEXT", "c"))
    assert full.max_age == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("given", "term"), [('"', '"'), ('"a', '"a'), ('a"', 'a"'), ('""a""', '"a"'), ('"""', '"'), ('a""b', 'a""b')]
)
def test_one_pair_of_quotes_surrounds_a_term(given: str, term: str) -> None:
    search = define(search=given).search
    assert search is not None
    assert search.terms() == (("SUBJECT", term),)


@pytest.mark.parametrize("given", [" ", '""', '" "'])
def test_term_must_not_be_empty_nor_be_so_within_its_quotes(given: str) -> None:
    """Every message would be found."""
    with pytest.raises(ValidationError, match="text that is not empty"):
        define(search=given)


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\x0b", "\x85", "\u2028", "\u2029", "\ud800", "\x1b"])
@pytest.mark.parametrize("field", ["subject", "from", "to", "mailbox", "search"])
def test_no_field_smuggles_a_line(char: str, field: str) -> None:
    """CR, LF, NUL and whatever else somewhere counts as a line end or cannot be encoded."""
    message = {"from": "a@example.com", "to": "b@example.com", "subject": "s", "message": "m"}
    value = f"a{char}b@example.com"
    fields = {"search": value} if field == "search" else {"new_message": message | {field: value}}
    with pytest.raises(ValidationError):
        define(**fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", True),
        ("timeout", 0.5),
        ("timeout", float("inf")),
        ("retries", 1.0),
        ("retries", True),
        ("identify", 1),
    ],
)
def test_types_are_not_bent(field: str, value: object) -> None:
    """JSON types are taken as they are."""
    with pytest.raises(ValidationError):
        define(**{field: value})


def test_authentication_in_any_case() -> None:
    """PLAIN is plain."""
    assert define(authentication="CRAM-MD5").authentication == "cram-md5"


def test_name_defaults_to_the_stem(write_definition: Any) -> None:
    """And may be given if it equals the stem; `$schema` is a known key."""
    path = write_definition("mail-1", {"$schema": "x", "server": "mail.example.com"})
    assert load_definition(path).name == "mail-1"
    assert load_definition(write_definition("b", {"name": "b", "server": "h.example"})).label == "b"


def test_ca_file_is_beside_the_definition(write_definition: Any, tmp_path: Path) -> None:
    """The path is resolved from the definition's own folder."""
    (tmp_path / "ca.pem").write_text("x")
    path = write_definition("a", {"server": "h.example", "tls": {"ca_file": "ca.pem"}})
    assert load_definition(path).ca_path == tmp_path / "ca.pem"


def test_inline_definition_names_its_source() -> None:
    """The Lambda's instant test reports problems as files do."""
    with pytest.raises(DefinitionError, match=r"^event: server: missing \(required\)"):
        parse_definition({}, source="event")


def test_schema_in_docs_is_the_commands_output() -> None:
    """`docs/check.schema.json` is what `imapcheck schema` prints."""
    committed = json.loads((ROOT / "docs/check.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema()
    assert json.loads((ROOT / "docs/part.schema.json").read_text(encoding="utf-8")) == part_schema()


def test_largest_size_is_what_is_read_at_all() -> None:
    """A limit above it would never be reached."""
    assert MAX_SIZE == MAX_BODY
    assert define(search={"subject": "x", "max_size": MAX_SIZE}).search


def test_shipped_definitions_are_valid() -> None:
    """Everything in events/ validates."""
    paths = sorted((ROOT / "events").glob("*.json"))
    assert paths
    for path in paths:
        load_definition(path)
