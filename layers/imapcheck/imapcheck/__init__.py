"""imapcheck: a synthetic IMAP monitor. `run_check(definition, credentials)` is the one way in."""

from imapcheck.check import run_check
from imapcheck.credentials import Credentials
from imapcheck.definition import CheckDefinition
from imapcheck.result import CheckResult

__all__ = ["CheckDefinition", "CheckResult", "Credentials", "run_check"]
