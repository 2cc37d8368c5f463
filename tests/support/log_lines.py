"""The line that run_check logs of a run (docs/operations.md), made of a result."""

import json
from typing import Any

from imapcheck.result import CheckResult


def log_line(result: CheckResult, *, instant_test: bool = False) -> str:
    """One JSON object, as Powertools writes it."""
    content = result.to_dict()
    steps, transcript = content.pop("steps"), content.pop("transcript")
    failure = content["failure"] or {}
    line: dict[str, Any] = {
        "level": "INFO",
        "location": "handler:40",
        "message": "check finished",
        "timestamp": content["started_at"],
        "service": "imapcheck",
        "check": result.check,
        "available": result.available,
        "slow": result.slow,
        "instant_test": instant_test,
        "step": failure.get("step"),
        "type": failure.get("type"),
        "detail": failure.get("detail"),
        "duration_ms": result.duration_ms,
        "step_ms": {step["name"]: step["duration_ms"] for step in steps if step["duration_ms"] is not None},
        "warnings": content["warnings"],
        "cold_start": False,
        "result": content,
    }
    if not result.available:
        line["transcript"] = "\n".join(transcript)
    return json.dumps(line)
