"""imapcheck: a synthetic IMAP monitor. `run_check(definition, credentials)` is the one way in."""

from imapcheck.check.run import run_check
from imapcheck.definition.model import CheckDefinition
from imapcheck.login.credentials import Credentials
from imapcheck.result import CheckResult

__all__ = ["CheckDefinition", "CheckResult", "Credentials", "run_check"]
