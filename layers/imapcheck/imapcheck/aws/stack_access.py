"""What `imapcheck report` and `imapcheck mute` ask of a deployed stack, with the caller's own credentials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from imapcheck.alarms.times import zone_of
from imapcheck.aws.alarm_config import read_config
from imapcheck.aws.month_reader import MonthReader, notes_of
from imapcheck.aws.month_series import NoFigures, is_coarse
from imapcheck.aws.session import session
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.monitoring import MuteDefinition
from imapcheck.definition.mute_windows import Stretch
from imapcheck.month.calendar import Month
from imapcheck.month.figures import Figures

_LOG_SECONDS = 600.0
_MOST_TARGETS = 100


class StackError(Exception):
    """The stack cannot be asked; `str()` says why."""


class MonthOfStack(NamedTuple):
    """The figures of its checks, what they lack, and the time zone of the stack's readers beside UTC."""

    figures: list[Figures]
    notes: list[str]
    zone: tzinfo | None


@dataclass(frozen=True)
class StackAccess:
    """One stack of the caller's account and Region."""

    name: str

    def month(
        self, definitions: dict[str, CheckDefinition], month: Month, now: datetime, besides: Sequence[Stretch]
    ) -> MonthOfStack:
        """The month of its checks. Raises `StackError`."""
        with _reasons():
            reader, zone = self._reader(definitions)
            found = reader.read(definitions, month, min(now, month.end), now, besides)
        notes = notes_of(found, reader.problem)
        if is_coarse(month, now):
            notes.append("CloudWatch keeps only hours of so long ago: outages and mute windows are by the hour.")
        return MonthOfStack(found, notes, zone)

    def _reader(self, definitions: dict[str, CheckDefinition]) -> tuple[MonthReader, tzinfo | None]:
        """What reads its months, and its parameter TimeZone."""
        found = session()
        [stack] = found.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
        parameters = {item["ParameterKey"]: item.get("ParameterValue") for item in stack.get("Parameters", [])}
        if "LogGroup" not in outputs:
            raise StackError(f"the stack {self.name} has no output LogGroup: it is none of imapcheck's")
        outside = [name for name, item in definitions.items() if item.runs_outside]
        reader = MonthReader(
            found.client("cloudwatch"), found.client("logs"), namespace=f"ImapCheck/{self.name}",
            group=outputs["LogGroup"], outside=outside, seconds=_LOG_SECONDS,
        )  # fmt: skip
        return reader, zone_of(parameters.get("TimeZone"))

    def mute(self, check: str, window: MuteDefinition, now: datetime) -> str:
        """Make one rule for the alarms of `check`, and return its name. Raises `StackError`."""
        with _reasons():
            cloudwatch = session().client("cloudwatch")
            alarms = self._alarms(cloudwatch, check)
            if not alarms:
                raise StackError(f"the stack {self.name} has no alarm of a check {check}")
            rule = f"{self.name}-{check}-by-hand-{now:%Y%m%dT%H%M}"
            schedule = {
                "Expression": window.expression, "Duration": window.iso_duration, "Timezone": window.timezone,
            }  # fmt: skip
            cloudwatch.put_alarm_mute_rule(
                Name=rule,
                Description=f"Alarms of the check {check} are silent, by imapcheck mute.",
                Rule={"Schedule": schedule},
                MuteTargets={"AlarmNames": alarms[:_MOST_TARGETS]},
            )
        return rule

    def _alarms(self, cloudwatch: Any, check: str) -> list[str]:
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self.name}-", AlarmTypes=["MetricAlarm"]
        )
        alarms = (alarm for page in pages for alarm in page["MetricAlarms"])
        return sorted(alarm["AlarmName"] for alarm in alarms if self._is_about(alarm, check))

    def _is_about(self, alarm: dict[str, Any], check: str) -> bool:
        config = read_config(alarm)
        return config.check == check and config.namespace == f"ImapCheck/{self.name}"


class _reasons:  # noqa: N801 - reads as a statement
    """What AWS refuses is a `StackError` with its code; its texts may name more than a terminal should show."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError):
            code = error.response.get("Error", {}).get("Code") or "an error"
            raise StackError(f"AWS answered {error.operation_name} with {code}") from None
        if isinstance(error, BotoCoreError):
            raise StackError(f"AWS could not be asked: {type(error).__name__}") from None
        if isinstance(error, NoFigures):
            raise StackError(str(error)) from None
