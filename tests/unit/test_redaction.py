"""Secrets reach no transcript: by position, by value, in every form, chunked anyhow."""

import base64
import binascii
import contextlib
import html
import json
import socket
import threading
import time
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapcheck.errors import CheckFailure
from imapcheck.imap.decoder import BodyPolicy, ResponseReader
from imapcheck.network.transport import Wire
from imapcheck.trace import Deadline
from imapcheck.transcript import MASK, Redactor, Transcript

SECRET = 'pa"ss\\wörd-4711'
BODY = b"Subject: x\r\n\r\nbody-canary\r\n"


def forms(secret: str) -> list[bytes]:
    raw = secret.encode()
    return [
        raw,
        raw.upper() if secret.isascii() else raw,
        secret.encode("latin-1"),
        raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        base64.b64encode(b"\0alice\0" + raw),
        base64.b64encode(b"\0bob\0" + raw + b"tail"),
        base64.b64encode(b"user=alice\1auth=Bearer " + raw + b"\1\1"),
        quote(raw, safe="").encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        raw.hex(" ").encode(),
        raw.hex(":").upper().encode(),
        secret.upper().encode(),
        secret.lower().encode(),
        json.dumps(secret)[1:-1].encode(),
        json.dumps(secret).upper()[1:-1].encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        html.escape(secret).encode(),
        quote(raw, safe="").replace("%", "=").encode(),
        base64.b64encode(raw).upper(),
        base64.b64encode(secret.encode("latin-1")),
        base64.b64encode(secret.encode("utf-16-le")),
        secret.encode("utf-7"),
    ]


LONG = "first line of a key\r\n  zweite Zeile, eingerückt\nthird-line\tend  \n"


@pytest.mark.parametrize(
    "said",
    [
        "first line of a key",
        "FIRST LINE OF A KEY",
        "zweite Zeile, eingerückt",
        "third-line\tend",
        json.dumps("zweite Zeile, eingerückt")[1:-1],
        json.dumps(LONG)[1:-1],
        LONG.strip(),
        base64.b64encode(b"third-line\tend").decode(),
        base64.b64encode(LONG.encode()).decode(),
        b"third-line\tend".hex(),
    ],
)
def test_each_line_of_a_secret_is_one(said: str) -> None:
    """A server that stops at a line end, or strips what it was sent, gives away the rest."""
    cleaned = Redactor((LONG,)).clean_line(f"you said <{said}>!")
    assert cleaned == f"you said <{MASK}>!"


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="*"), min_size=4),
    spell=st.sampled_from(
        [
            str.upper,
            str.lower,
            str.strip,
            lambda text: json.dumps(text)[1:-1],
            lambda text: text.encode().hex().upper(),
            lambda text: base64.b64encode(text.encode()).decode(),
            lambda text: quote(text, safe=""),
        ]
    ),
)
def test_no_spelling_of_any_secret_survives(secret: str, spell: Callable[[str], str]) -> None:
    """In a detail as in a line off the wire."""
    said = spell(secret)
    if len(said.encode()) >= 4 and len(secret.strip().encode()) >= 4:
        for shown in (Redactor((secret,)).clean_line(f"<<{said}>>"), Redactor((secret,)).show(f"<<{said}>>".encode())):
            assert said not in shown.replace(MASK, "")


def test_secret_cut_by_the_limit_of_a_line_is_no_half_secret() -> None:
    """What is shown of a line of any length is masked first, wherever the cut falls."""
    secret = "correct-horse-battery-staple"
    redactor = Redactor((secret,))
    for before in (380, 390, 399, 65_520, 65_530):
        for size in (1, 3000):
            line = b"x" * (before % 400) + secret.encode() * size + b"y" * before
            assert "correct" not in redactor.show(line)
            assert "correct" not in redactor.clean_line(line.decode())


ASCII_SECRET = "???>>>Correct-Horse"
"""Its capitals are another text, and its base64 has both + and /."""
FORMS = [(secret, form) for secret in (SECRET, ASCII_SECRET) for form in forms(secret)]


def test_forms_differ() -> None:
    """What is looked for below is not the plain secret over and over."""
    encoded = base64.b64encode(ASCII_SECRET.encode())
    assert {b"+", b"/"} <= {bytes([octet]) for octet in encoded}
    assert len(set(forms(ASCII_SECRET))) >= 17


@pytest.mark.parametrize(("secret", "form"), FORMS, ids=range(len(FORMS)))
def test_known_secret_is_masked_in_every_form(secret: str, form: bytes) -> None:
    """Alone, inside a sentence, and in quotes."""
    redactor = Redactor((secret,))
    for line in (form, b"NO you sent " + form + b" ?", b'"' + form + b'"'):
        assert form not in redactor.clean(line)
        assert MASK.encode() in redactor.clean(line)


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4),
    before=st.binary(),
    after=st.binary(),
)
def test_base64_of_anything_around_the_secret_is_masked(secret: str, before: bytes, after: bytes) -> None:
    """Whatever stands around it, no run of base64 that holds the secret stays."""
    raw = secret.encode()
    if len(raw) < 4:
        return
    cleaned = Redactor((secret,)).clean(base64.b64encode(before + raw + after))
    assert cleaned == MASK.encode()


@given(st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4), st.binary(), st.binary())
def test_raw_secret_never_survives(secret: str, before: bytes, after: bytes) -> None:
    """Raw, in any surroundings."""
    if len(secret.encode()) >= 4 and secret.encode() not in before + after:
        cleaned = Redactor((secret,)).clean(before + secret.encode() + after)
        assert secret.encode() not in cleaned.replace(MASK.encode(), b"\xff*\xff")


def test_run_of_url_safe_base64_is_masked_whole() -> None:
    """The letters beside the secret's own hold its first and last bits; `-` and `_` are such letters too."""
    around = b"\xfb\xff\xfe" * 2
    encoded = base64.urlsafe_b64encode(around + b"hunter22" + around)
    assert encoded.startswith(b"-__-")
    assert Redactor(("hunter22",)).clean(b"<" + encoded + b">") == b"<" + MASK.encode() + b">"


ODD = [
    "canary-pa55word",
    "q\"u<o>t'e&",
    'pa/ss:wo"rd\\x',
    "pa ss<wo>&rd",
    "pässwörd€1",
    "a\tb c'd%e",
    "x+y=z/w?",
    "p@ss,word!",
]
ENCODERS: dict[str, Callable[[str], str]] = {
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "encodeURIComponent": lambda text: quote(text, safe="!'()*~"),
    "encodeURI": lambda text: quote(text, safe=";,/?:@&=+$-_.!~*'()#"),
    "form": lambda text: quote(text, safe="/").replace("%20", "+"),
    "lower-case hex": lambda text: quote(text, safe="/").lower(),
    "every octet": lambda text: "".join(f"%{octet:02X}" for octet in text.encode()),
    "first octet only": lambda text: f"%{text.encode()[0]:02X}" + text[1:],
    "last octet only": lambda text: text[:-1] + f"%{text.encode()[-1]:02x}",
    "form, commas left": lambda text: quote(text, safe=",!:").replace("%20", "+"),
    "base64 in a form": lambda text: quote(base64.b64encode(text.encode()), safe=""),
    "backslash x": lambda text: "".join(f"\\x{octet:02x}" for octet in text.encode()),
    "octal": lambda text: "".join(f"\\{octet:03o}" for octet in text.encode()),
    "quoted-printable": lambda text: binascii.b2a_qp(text.encode(), quotetabs=True).decode(),
    "bytes literal": lambda text: repr(text.encode())[2:-1],
    "JSON with a slash escaped": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON in UTF-8, too": lambda text: json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    "HTML but for quotes": lambda text: html.escape(text, quote=False),
    "&#39;": lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    "&#039;": lambda text: html.escape(text).replace("&#x27;", "&#039;"),
    "&apos;": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
    "decimal entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hex entities": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "ASCII HTML": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("secret", ODD)
def test_secret_is_masked_whatever_encoder_the_server_uses(secret: str, encoder: str) -> None:
    """URLs, JSON, HTML and logs each have several ways to write a password; what stands around stays."""
    cleaned = Redactor((secret,)).clean_line(f"NO bad {ENCODERS[encoder](secret)} end")
    assert cleaned == f"NO bad {MASK} end"


def test_composed_form_of_a_decomposed_secret_is_masked() -> None:
    """The other way round: who typed it on a Mac may have it decomposed."""
    assert Redactor((unicodedata.normalize("NFD", "pässwörd"),)).clean_line("<pässwörd>") == f"<{MASK}>"


def test_half_encoded_secret_takes_its_word_with_it() -> None:
    """Any set of octets may be encoded; a word in clear, or one whose encoding hides nothing, stays."""
    redactor = Redactor(("pa/ss,word",))
    assert redactor.clean(b"see %20 u=a&p=p%61/ss,wor%64&x=%zz 100%") == b"see %20 ******** 100%"
    assert redactor.clean(b"a=%41&p=pa/ss,word&b=%42") == b"a=%41&p=********&b=%42"
    assert Redactor(("two words!",)).clean(b"x tw%6f words%21y z") == b"x ******** z"
    assert Redactor(("abc",)).clean(b"%61bc") == b"%61bc"


@pytest.mark.parametrize("encoder", ["quote", "quote all", "encodeURIComponent", "encodeURI", "form"])
def test_percent_encoded_secret_leaves_what_stands_beside_it(encoder: str) -> None:
    """Each of the usual encoders leaves other characters as they are; a URL is told but for the secret in it."""
    secret = "it's (n)ew/pa:ss~!"
    url = f"https://h/?u=a&p={ENCODERS[encoder](secret)}&x=b"
    assert Redactor((secret,)).clean_line(url) == f"https://h/?u=a&p={MASK}&x=b"


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=4),
    before=st.sampled_from(["", "%", "%4", "a%20", "++", "%25"]),
    safe=st.text(st.characters(codec="ascii", exclude_characters="%+")),
    after=st.sampled_from(["", "%", "41", "&x=%20", "+"]),
)
def test_no_percent_encoding_survives(secret: str, before: str, safe: str, after: str) -> None:
    """Whatever the encoder leaves as it is."""
    said = quote(secret, safe=safe)
    cleaned = Redactor((secret,)).clean(f"<{before} {said}{after}>".encode())
    assert said.encode() not in cleaned.replace(MASK.encode(), b"")


def test_masking_a_long_line_of_percent_signs_takes_linear_time() -> None:
    """One word of a megabyte, with the secret in it over and over."""
    redactor = Redactor(("hunter2",))

    def seconds(times: int) -> float:
        began = time.process_time()
        assert redactor.clean(b"hunt%65r2" * times) == MASK.encode()
        return time.process_time() - began

    seconds(100)
    assert min(seconds(16_000) for _ in range(3)) < 32 * min(seconds(2000) for _ in range(3))


def test_short_secret_is_left_to_position() -> None:
    """By value three octets would eat the text."""
    assert Redactor(("abc",)).clean(b"abc abcdef") == b"abc abcdef"


def test_masking_a_long_line_takes_linear_time() -> None:
    """A line of a megabyte of base64 letters is the server's choice: eight times the line, not 64 times the time."""
    redactor = Redactor(("hunter2",))

    def seconds(times: int) -> float:
        line = base64.b64encode(b"hunter2 " * 3) * times
        began = time.process_time()
        assert b"aHVudGVyMi" not in redactor.clean(line)
        return time.process_time() - began

    seconds(100)
    assert min(seconds(32_000) for _ in range(3)) < 32 * min(seconds(4000) for _ in range(3))


def serve(chunks: list[bytes]) -> Wire:
    """A wire whose other end sends these chunks, one by one, and closes."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        with theirs, contextlib.suppress(OSError):
            for chunk in chunks:
                theirs.sendall(chunk)

    threading.Thread(target=send, daemon=True).start()
    return Wire(ours, Deadline.after(5))


def read(data: bytes, size: int, secrecy: str) -> tuple[list[str], CheckFailure | None]:
    """Feed `data` in chunks of `size` octets; returns the transcript and how the reading ended."""
    redactor = Redactor((SECRET,))
    transcript = Transcript(redactor)
    wire = serve([data[start : start + size] for start in range(0, len(data), size)])
    reader = ResponseReader(wire, transcript, Redactor())
    reader.secrecy = secrecy  # type: ignore[assignment]
    failure = None
    try:
        while reader.response(b"A0001", BodyPolicy(1000, 0)).kind != "tagged":
            pass
    except CheckFailure as ended:
        failure = ended
    wire.close()
    return list(transcript.lines()), failure


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("form", forms(SECRET), ids=range(len(forms(SECRET))))
def test_echo_on_the_wire_is_masked_however_it_is_chunked(form: bytes, size: int) -> None:
    """In untagged text, in the tagged answer, in a challenge, in a line that is no response, in half a line."""
    data = b"* OK " + form + b"\r\n* BAD [ALERT] " + form + b"\r\n+ " + form + b"\r\nA0001 NO " + form + b"\r\n"
    lines, failure = read(data, size, "login")
    assert failure is None
    shown = "\n".join(lines).encode()
    assert form not in shown
    assert SECRET.encode() not in shown
    for broken in (form + b"\r\n", b"* OK " + form[: len(form) // 2]):
        lines, failure = read(broken, size, "login")
        assert failure is not None
        assert form[: len(form) // 2] not in "\n".join([*lines, failure.detail]).encode()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "response",
    [
        b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)" % (len(BODY), BODY),
        b"* 1 FETCH (BODY[] ~{%d}\r\n%s UID 1)" % (len(BODY), BODY),
        b'* 1 FETCH (UID 1 BODY[] "Subject: body-canary")',
        b"* 1 FETCH (UID 1 BODY[] body-canary)",
        b'* 1 FETCH (UID 1 X-BODY "body-canary" BODY[] NIL)',
        b"* 1 FETCH (UID 1 BODY[] {5}\r\n%s)" % BODY,
    ],
)
def test_message_bodies_are_counted_not_shown(response: bytes, size: int) -> None:
    """Whatever the syntax: literal, literal8, quoted, an atom, a literal that lied about its size."""
    lines, _ = read(response + b"\r\nA0001 OK done\r\n", size, "body")
    assert "octets}" in lines[0]
    assert "body-canary" not in "\n".join(lines)


def test_transcript_is_bounded_and_keeps_both_ends() -> None:
    """The first lines and the last ones, with a note between."""
    transcript = Transcript(Redactor())
    for number in range(5000):
        transcript.server(b"* %d EXISTS " % number + b"x" * 10_000)
    lines = transcript.lines()
    assert len(lines) == 201
    assert max(map(len, lines)) <= 503
    assert lines[0].startswith("S: * 0 EXISTS")
    assert lines[60] == "… 4800 lines left out"
    assert lines[-1].startswith("S: * 4999 EXISTS")


@pytest.mark.parametrize(("count", "left_out"), [(60, 0), (200, 0), (201, 1), (205, 5)])
def test_two_hundred_lines_are_kept(count: int, left_out: int) -> None:
    """The first 60 and the last 140."""
    transcript = Transcript(Redactor())
    for number in range(count):
        transcript.client(b"%d" % number)
    all_lines = [f"C: {number}" for number in range(count)]
    gap = [f"… {left_out} lines left out"] if left_out else []
    assert list(transcript.lines()) == [*all_lines[:60], *gap, *all_lines[60 + left_out :]]


@pytest.mark.parametrize("octets", [8192, 8193, 20_000])
def test_long_line_is_shown_alike_however_it_is_held(octets: int) -> None:
    """At most 400 characters with its direction, and no secret in them."""
    transcript = Transcript(Redactor(("hunter22",)))
    line = b"* OK hunter22 " + b"x" * (octets - 14)
    transcript.server(line)
    transcript.server_later(octets, lambda: line)
    first, second = transcript.lines()
    assert first == second == "S: * OK ******** " + "x" * (396 - 14) + "…"
    assert len(first) == 400


def test_transcript_takes_at_most_120_kb_of_json() -> None:
    """A character may take twelve octets there: of the first lines 40,000 octets are kept, of the last 80,000."""
    transcript = Transcript(Redactor())
    for number in range(200):
        transcript.server(f"{number} ".encode() + "𝄞".encode() * 390)
    lines = transcript.lines()
    gap = next(place for place, line in enumerate(lines) if line.endswith(" lines left out"))
    head, tail = lines[:gap], lines[gap + 1 :]
    assert lines[gap] == f"… {200 - len(head) - len(tail)} lines left out"
    size = len(json.dumps(lines[0]))
    assert len(head) == 40_000 // size
    assert len(tail) == 80_000 // (size + 2)
    assert tail[-1].startswith("S: 199 ")


def test_known_secret_beyond_16_kib_of_a_line_is_not_shown_by_half() -> None:
    """What is searched is bounded; what is shown ends well before."""
    redactor = Redactor(("hunter22",))
    shown = redactor.clean_line("y" * 16_380 + "hunter22", limit=20_000)
    assert "hunt" not in shown
    assert shown.startswith("y" * 16_000)
    assert shown.endswith("...")
    assert redactor.clean_line("y" * 16_376 + "hunter22", limit=20_000) == "y" * 16_376 + "********"


def test_without_a_secret_all_stays_as_it_is() -> None:
    """In each of the ways in."""
    redactor = Redactor()
    assert redactor.clean(b"%41 text") == b"%41 text"
    assert redactor.clean_text("%41 text ä") == "%41 text ä"
    assert redactor.clean_line("%41 text ä") == "%41 text ä"
    assert redactor.show("%41 text ä".encode()) == "%41 text ä"
