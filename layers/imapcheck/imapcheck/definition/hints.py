"""What is expected in place of a key or a step that a definition does not know, and what may have been meant."""

import difflib
from collections.abc import Iterable

from imapcheck.steps import STEP_NAMES, STEPS

CREDENTIAL_KEYS = {
    *("username", "user", "password", "passwd", "pass"),
    *("access_token", "refresh_token", "client_id", "client_secret", "token_url", "tenant_id"),
    *("private_key", "client_email", "certificate", "expires_at"),
}
"""What stands in a secret, or what people call it."""
NO_CREDENTIALS = "which do not belong here: they go into the secret (docs/definition.md, secret)"
_STEPS = ("total", *STEP_NAMES)
_OTHER_WORDS_FOR_STEPS = {word: step.name for step in STEPS.values() for word in step.also} | {"duration": "total"}


def known_key(key: str, names: Iterable[str]) -> str:
    """What to write for `key`, where a definition knows `names`."""
    return f"one of the documented keys (imapcheck schema){_did_you_mean(key, names)}"


def known_step(step: str) -> str:
    """What to write for `step` in `thresholds`."""
    meant = _OTHER_WORDS_FOR_STEPS.get(step.lower(), step)
    return f"one of {', '.join(_STEPS)}{_did_you_mean(meant, _STEPS)}"


def is_credentials_file(data: object) -> bool:
    """A secret that was saved as a definition: a user name or what proves it, and no server."""
    return isinstance(data, dict) and "server" not in data and bool(CREDENTIAL_KEYS & data.keys())


def _did_you_mean(key: str, names: Iterable[str]) -> str:
    alike = difflib.get_close_matches(key.lower(), sorted(names), n=1)
    return f'; did you mean "{alike[0]}"?' if alike else ""
