"""The line that run_check logs of a run, as Powertools' logger writes it."""

import json
from datetime import timedelta

from imapcheck.aws.run_log import FINISHED, run_fields
from imapcheck.result import CheckResult, isoformat


def log_line(result: CheckResult, *, instant_test: bool = False) -> str:
    """One JSON object, written when the run ended."""
    head = {"level": "INFO", "location": "_report:46", "message": FINISHED, "service": "imapcheck"}
    stamp = {"timestamp": isoformat(result.started_at + timedelta(milliseconds=result.duration_ms))}
    return json.dumps(head | stamp | run_fields(result, instant_test=instant_test, cold_start=False))
