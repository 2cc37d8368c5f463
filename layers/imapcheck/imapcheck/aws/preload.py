"""What the first runs of the deployed definitions need, by their bytes, so that INIT can load it.

Lambda lends INIT a whole processor, and a run only its share. Nothing is parsed for that: what a definition spells in
another way is loaded by the run that needs it.
"""

import re
from collections.abc import Iterable
from importlib import import_module

from imapcheck.definition.secret import Store

_MODULES = {
    b'"send"': ("imapcheck.check.steps.sending", "imapcheck.check.delivery", "email.generator"),
    b'"new_message"': ("imapcheck.check.message", "email.generator"),
    b'"keep_for"': ("imapcheck.check.cleanup",),
    b'"places"': ("imapcheck.aws.places", "concurrent.futures.thread"),
    b'"scram-': ("imapcheck.login.scram",),
    b'"xoauth2"': ("imapcheck.login.oauth",),
    b'"oauthbearer"': ("imapcheck.login.oauth",),
}
"""What few checks ask for (in lower case), and what their runs load besides."""
_PLACES = re.compile(rb'"places"\s*:\s*("[^"]*"|\[[^\]]*\])')
_SECRET = re.compile(rb'"secret"\s*:\s*"(ssm:)?')


def load_modules(definitions: Iterable[bytes]) -> None:
    """Import what any of the definitions asks for."""
    text = b"".join(definitions).lower()
    for asked in _MODULES:
        if asked in text:
            for module in _MODULES[asked]:
                import_module(module)


def secret_stores(definitions: Iterable[bytes]) -> set[Store]:
    """Where their secrets are."""
    named = {match[1] for text in definitions for match in _SECRET.finditer(text)}
    return {"AWS Parameter Store" if parameter else "AWS Secrets Manager" for parameter in named}


def places_named(definitions: Iterable[bytes]) -> set[str]:
    """The Regions that they, or what they extend, name as places."""
    values = (match[1] for text in definitions for match in _PLACES.finditer(text))
    return {place.decode() for value in values for place in re.findall(rb'"([a-z0-9-]+)"', value)}
