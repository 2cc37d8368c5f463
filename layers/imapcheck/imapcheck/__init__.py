"""imapcheck: a synthetic IMAP monitor. `run_check(definition, credentials)` is the one way in.

What is exported is loaded when it is asked for (PEP 562): explaining an alarm or validating a file needs no session.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imapcheck.check.run import run_check
    from imapcheck.definition.model import CheckDefinition
    from imapcheck.login.credentials import Credentials
    from imapcheck.result import CheckResult

__all__ = ["CheckDefinition", "CheckResult", "Credentials", "run_check"]

_MODULES = {
    "CheckDefinition": "imapcheck.definition.model",
    "CheckResult": "imapcheck.result",
    "Credentials": "imapcheck.login.credentials",
    "run_check": "imapcheck.check.run",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = exported = getattr(import_module(_MODULES[name]), name)
    return exported
