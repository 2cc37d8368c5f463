"""The explainer in a process of its own, while all of a stack's troubles end at once: what it says, and its memory.

    PYTHONPATH=tests python -m support.explain_storm '["unavailable", 5, 20000, true]' FOLDER_OF_DEFINITIONS

Kind, minutes between runs, octets of a transcript, and whether CloudWatch gives its metrics; JSON on stdout.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from imapcheck.aws import beginnings, evidence, log_reader
from imapcheck.aws.explainer import Explainer
from imapcheck.aws.settings import MessageSettings
from support.storm_log import CHECKS, StormLog, messages, metrics

STILL = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: None)
"""Time stands still, so that memory alone ends the reading."""


class Topic:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def publish(self, *, Message: str, **_: Any) -> dict[str, str]:  # noqa: N803
        self.texts.append(json.loads(Message)["email"])
        return {"MessageId": "x"}


def peak() -> int:
    """KiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def explained(kind: str, every: int, octets: int, definitions: Path, *, has_metrics: bool) -> dict[str, object]:
    """What a storm took above the explanation of a single alarm."""
    topic, log = Topic(), StormLog(kind, every, octets)
    settings = MessageSettings(
        definitions=definitions, log_group="g", alarm_topic="t", contact_topic="c", stack="teststack",
        dashboard_url="https://x.example/",
    )  # fmt: skip
    cloudwatch = metrics(kind, every) if has_metrics else SimpleNamespace()
    explainer = Explainer(settings, logs=log, cloudwatch=cloudwatch, sns=topic)
    one, *others = messages(kind, every, CHECKS)
    assert explainer.explain([one], 600) == set()
    before, told = peak(), len(topic.texts)
    assert explainer.explain(others, 600) == set()
    return {"kib": peak() - before, "text": "".join(topic.texts[told:]), "octets": log.octets}


def main() -> None:
    kind, every, octets, has_metrics = json.loads(sys.argv[1])
    with (
        patch.object(evidence, "time", STILL),
        patch.object(log_reader, "time", STILL),
        patch.object(beginnings, "time", STILL),
    ):
        print(json.dumps(explained(kind, every, octets, Path(sys.argv[2]), has_metrics=has_metrics)))


if __name__ == "__main__":
    main()
