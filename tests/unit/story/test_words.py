"""How a story spells steps and lists, at the borders."""

import pytest

from imapcheck.alarms.layout import ascii_line, cut, flow, names, timed_steps, wrap
from imapcheck.alarms.story import head_line


@pytest.mark.parametrize(
    ("number", "unnamed", "end"),
    [(8, 0, "n7"), (9, 0, "n7 and 1 more"), (8, 2, "n7 and 2 more"), (10, 1, "n7 and 3 more")],
)
def test_names(number: int, unnamed: int, end: str) -> None:
    """Eight, and how many more."""
    assert names([f"n{n}" for n in range(number)], unnamed).endswith(end)


def test_cut() -> None:
    """What fits stays; what does not is as long as it may be, and says how long it was."""
    assert cut("x" * 40, 40) == "x" * 40
    assert cut("x" * 41, 40) == f"{'x' * 22} … (41 characters)"


def test_timed_steps() -> None:
    """What is marked and has no time comes last."""
    assert timed_steps({"dns": 13.1, "tls": 44.6}, {"tls": "failed", "list": "not tried"}) == (
        "dns 13 ms",
        "tls 45 ms <- failed",
        "list <- not tried",
    )


def test_pieces_flow_up_to_the_last_column() -> None:
    """80 fit and 81 do not; a piece that is too long is wrapped."""
    assert flow(["a" * 39, "b" * 39]) == [f"{'a' * 39}  {'b' * 39}"]
    assert flow(["a" * 39, "b" * 40], indent="  ") == ["a" * 39, f"  {'b' * 40}"]
    assert flow(["a" * 39, "b" * 40], " ") == [f"{'a' * 39} {'b' * 40}"]
    assert [len(line) for line in flow(["c " * 60])] == [79, 39]
    assert wrap(f"{'a' * 74} well-known") == ["a" * 74, "well-known"]
    assert wrap("well-known " * 8, "  ", first="- ") == [f"- {' '.join(['well-known'] * 7)}", "  well-known"]


def test_subject_has_fewer_than_a_hundred_characters_of_ascii() -> None:
    """A part that does not fit is left out, and all after it."""
    assert ascii_line(("x" * 90, "y" * 9, "z")) == "x" * 90 + "y" * 9
    assert ascii_line(("x" * 90, "y" * 10, "z")) == "x" * 90
    assert ascii_line(("Büro",)) == "B?ro"


@pytest.mark.parametrize(("length", "end"), [(66, "s"), (67, "s"), (68, "s"), (69, "…"), (70, "…")])
def test_head_line_has_eighty_columns(length: int, end: str) -> None:
    """`DOWN  mail` and two blanks leave 68."""
    line = head_line("DOWN", "mail", "s" * length)
    assert len(line) == min(80, 12 + length)
    assert line.endswith(end)
    assert head_line("DOWN", "mail", None) == "DOWN  mail"


@pytest.mark.parametrize("char", [*map(chr, range(32)), "\x7f", "\x85", "\u2028", "\u200b", "\xa0"], ids=ascii)
def test_subject_has_no_control_character(char: str) -> None:
    """SNS refuses one, and nobody would get the story."""
    line = ascii_line((f"MAILBOX MISSING office: no Old{char}Mail", f"{char}, since"))
    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("MAILBOX MISSING office: no Old")
