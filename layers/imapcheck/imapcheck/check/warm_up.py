"""What the first run of a process would make, and every later one has."""

from contextlib import suppress

from imapcheck.check.ready import tls_context
from imapcheck.definition.model import CheckDefinition
from imapcheck.errors import DefinitionError
from imapcheck.network.warm_up import load_codecs


def warm_up(definition: CheckDefinition) -> None:
    """Make what a run of `definition` needs; what is wrong with it is for the run to tell."""
    with suppress(DefinitionError):
        tls_context(definition.tls, definition.tls_mode, definition.ca_path, definition.label)
    load_codecs()
    if definition.new_message is not None:
        from imapcheck.check.message import Draft  # the email package is loaded only where mail is written

        Draft(definition.new_message, definition.label)
