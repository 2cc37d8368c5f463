"""The part of a transcript that a failed step is told with: its own commands, though others use the same ones."""

import pytest

from imapcheck.output.excerpt import end_of_part, excerpt
from imapcheck.steps import StepName

SESSION = (
    "S: * OK ready",
    "C: A0001 CAPABILITY",
    "S: A0001 OK",
    "C: A0002 AUTHENTICATE PLAIN ********",
    "S: A0002 OK",
    "C: A0003 NAMESPACE",
    "S: A0003 OK",
    'C: A0004 LIST "" "INBOX"',
    "S: A0004 OK",
    'C: A0005 LIST "" "%"',
    "S: A0005 OK top level",
    'C: A0006 EXAMINE "INBOX"',
    "S: A0006 OK",
    'C: A0007 UID SEARCH SUBJECT "x"',
    "S: A0007 OK first answer",
    'C: A0008 UID SEARCH SUBJECT "x"',
    "S: A0008 OK second answer",
    "C: A0009 UID FETCH 7 (BODY.PEEK[])",
    "S: A0009 OK fetched",
    'C: A0010 LIST "" "%"',
    "S: A0010 OK where Sent is",
    'C: A0011 APPEND "Sent" {3}',
    "S: + go on",
    "C: {3 octets}",
    "S: A0011 OK filed",
    'C: A0012 SELECT "Sent"',
    "S: A0012 OK",
    "C: A0013 UID SEARCH HEADER X-Imapcheck mail",
    "S: A0013 OK ours",
    "C: A0014 UID FETCH 1 (BODY.PEEK[HEADER])",
    "S: A0014 OK headers",
    "C: A0015 LOGOUT",
    "S: A0015 OK bye",
)
PARTS: dict[StepName, tuple[str, str]] = {
    "greeting": ("S: * OK ready", "S: * OK ready"),
    "capability": ("C: A0001 CAPABILITY", "S: A0001 OK"),
    "authenticate": ("C: A0002 AUTHENTICATE PLAIN ********", "S: A0002 OK"),
    "namespace": ("C: A0003 NAMESPACE", "S: A0003 OK"),
    "list": ('C: A0005 LIST "" "%"', "S: A0005 OK top level"),
    "examine": ('C: A0006 EXAMINE "INBOX"', "S: A0006 OK"),
    "search": ('C: A0008 UID SEARCH SUBJECT "x"', "S: A0008 OK second answer"),
    "fetch": ("C: A0009 UID FETCH 7 (BODY.PEEK[])", "S: A0009 OK fetched"),
    "locate_sent": ('C: A0010 LIST "" "%"', "S: A0010 OK where Sent is"),
    "append": ('C: A0011 APPEND "Sent" {3}', "S: A0011 OK filed"),
    "cleanup": ("C: A0014 UID FETCH 1 (BODY.PEEK[HEADER])", "S: A0014 OK headers"),
    "logout": ("C: A0015 LOGOUT", "S: A0015 OK bye"),
}


@pytest.mark.parametrize("step", PARTS)
def test_part_is_the_steps_own(step: StepName) -> None:
    """The clean-up searches and fetches too, and the sent mailbox is looked for with the LIST of the beginning."""
    part = excerpt(step, SESSION)
    assert (part[0], part[-1]) == PARTS[step]
    assert SESSION[end_of_part(step, SESSION) - 1] == part[-1]


@pytest.mark.parametrize("step", ["dns", "connect", "tls", "quota", "id", "starttls"])
def test_step_without_a_command_has_no_part(step: StepName) -> None:
    """Then all there is stands before its end."""
    assert excerpt(step, SESSION) == []
    assert end_of_part(step, SESSION) == len(SESSION)


def test_session_that_ends_within_the_step() -> None:
    """The last lines are the step's."""
    assert excerpt("search", SESSION[:14]) == list(SESSION[13:14])
    assert excerpt("greeting", SESSION[:1]) == list(SESSION[:1])
    assert excerpt("greeting", ()) == []


def test_long_part_keeps_its_command_and_its_end() -> None:
    """What the server said last is what went wrong; a server's own `C: ` begins no part."""
    lines = ("C: A0001 CAPABILITY", *(f"S: C: A{number} LOGOUT" for number in range(20)), "C: A0002 LOGOUT")
    assert excerpt("capability", lines, 5) == [lines[0], "(16 lines left out)", *lines[18:21]]
