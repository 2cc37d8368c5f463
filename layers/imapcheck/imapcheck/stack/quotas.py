"""What fits one stack, counted before anything is deployed.

Sources: AWS CloudFormation quotas (500 resources and 1 MB a template), Amazon SNS quotas (200 filter policies a
topic). What does not fit is refused; nothing moves to another stack by itself, as a moved alarm or schedule
collides with its own name while CloudFormation creates before it deletes.
"""

from typing import NamedTuple

from imapcheck.errors import DefinitionError
from imapcheck.text import one_line

MOST_RESOURCES = 500
MOST_OCTETS = 1_000_000
MOST_CONTACTS = 200


class Template(NamedTuple):
    """A template's text and how many resources it holds."""

    text: str
    resources: int


def template(text: str, resources: int) -> Template:
    """The template of `text`. Raises `DefinitionError` for what no definition may bring into one.

    Each key of a definition says what it takes, and none takes these: this is the second net. `{{` begins a dynamic
    reference, which CloudFormation replaces by a secret; other line ends and control characters break YAML.
    """
    for line in text.split("\n"):
        found = "{{" if "{{" in line else next((c for c in line if not (c.isascii() and c.isprintable())), None)
        if found is not None:
            name = found if found == "{{" else f"U+{ord(found):04X}"
            raise DefinitionError(
                f"found {name} in the template's line {one_line(line.strip(), 100)!r}, expected plain text"
            )
    return Template(text, resources)


def refuse_what_does_not_fit(checks: Template, contacts: Template, contact_count: int) -> None:
    """Raise `DefinitionError` that says what is passed, by how much, and what to do."""
    problems = [
        f"{what}: found {found:,}, expected at most {most:,} in one stack"
        for what, found, most in (
            ("resources of the checks", checks.resources, MOST_RESOURCES),
            ("bytes of stacks/checks.yaml", len(checks.text.encode()), MOST_OCTETS),
            ("contacts", contact_count, MOST_CONTACTS),
            ("bytes of stacks/contacts.yaml", len(contacts.text.encode()), MOST_OCTETS),
        )
        if found > most
    ]
    if problems:
        advice = "move some definitions to a folder of their own and deploy it as a stack of its own:"
        problems.append(f"{advice} make deploy EVENTS=FOLDER STACK=NAME (docs/fleet.md)")
        raise DefinitionError("\n".join(problems))
