"""Text that is safe to take in and to display."""

import pytest

from imapcheck.text import forbidden_character, one_line, show_bytes


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("plain", 5, "plain"),
        ("plainly", 5, "plai…"),
        ("ä" * 400, 400, "ä" * 400),
        ("ä" * 401, 400, "ä" * 399 + "…"),
        ("a\nb", 400, "a\\nb"),
        ("a\r\n\tb", 400, "a\\r\\n\\tb"),
        ("\x1b[2J\u202eb\x00", 400, "\\x1b[2J\\u202eb\\x00"),
        ("\n\n\n", 6, "\\n\\n\\n"),
        ("\n\n\n", 5, "\\n\\n…"),
    ],
)
def test_one_clean_line(text: str, limit: int, line: str) -> None:
    """Nothing in it moves a cursor or begins another line; what was cut ends in an ellipsis."""
    assert one_line(text, limit) == line


def test_bytes_of_a_server_as_one_clean_line() -> None:
    """UTF-8 where it is, escapes where not; and characters count, not octets."""
    assert show_bytes("Grüße\r\n".encode()) == "Grüße\\r\\n"
    assert show_bytes(b"Gr\xfc\xdfe") == "Gr\\xfc\\xdfe"
    assert show_bytes("𝄞".encode() * 10, 10) == "𝄞" * 10
    assert show_bytes("𝄞".encode() * 11, 10) == "𝄞" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\tb ä 𝄞", None),
        ("a\nb", "U+000A"),
        ("a\rb\n", "U+000D"),
        ("\0", "U+0000"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("a\u2028", "U+2028"),
        ("a\u2029", "U+2029"),
        ("\udc80", "U+DC80"),
        ("\u200b\u202e", None),
    ],
)
def test_character_that_ends_a_line_somewhere(text: str, found: str | None) -> None:
    """Control characters, Unicode's separators of lines and paragraphs, halves of surrogate pairs."""
    assert forbidden_character(text) == found
