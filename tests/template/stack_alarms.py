"""The alarms of a stack for the simulator: this is the one place that knows where they come from."""

from collections.abc import Sequence

from template.alarm_simulator import AlarmRule

EVERY = {
    "1m": 60, "2m": 120, "3m": 180, "4m": 240, "5m": 300, "6m": 360, "10m": 600, "12m": 720, "15m": 900,
    "20m": 1200, "30m": 1800, "1h": 3600, "2h": 7200, "3h": 10800, "4h": 14400, "6h": 21600, "8h": 28800,
    "12h": 43200, "24h": 86400,
}  # fmt: skip
"""Every interval that a schedule may have, in seconds."""


def check_alarms(
    every: str, *, unavailable: str = "2 of 3", slow: str = "3 of 3", not_running: int = 3, certificate_days: int = 14
) -> dict[str, AlarmRule]:
    """The four alarms of a check with a threshold and a verified certificate, by kind."""
    seconds = EVERY[every]
    warm_up = min(4 * seconds // 60 + 5, 2880)
    kinds = {
        "unavailable": ("Availability", "Minimum", "LessThanThreshold", 100, unavailable, "ignore", 0),
        "not-running": (
            "Availability", "SampleCount", "LessThanThreshold", 1, f"{not_running} of {not_running}", "breaching",
            warm_up,
        ),
        "slow": ("Slow", "Maximum", "GreaterThanOrEqualToThreshold", 1, slow, "ignore", 0),
        "certificate": (
            "CertificateDaysRemaining", "Minimum", "LessThanThreshold", certificate_days, "1 of 1", "ignore", 0,
        ),
    }  # fmt: skip
    return {
        kind: _rule(f"stack-mail-{kind}", seconds, *wanted, dimensions=(("Check", "mail"),))
        for kind, wanted in kinds.items()
    }


def monitor_errors(everys: Sequence[str]) -> AlarmRule:
    """The stack's alarm on runs that raised, for checks at these intervals."""
    lasting = 2 * max(EVERY[every] for every in everys)
    period = 300 if lasting + 300 <= 86_400 else 3600
    runs = f"1 of {max(-(-lasting // period) + 1, 3)}"
    operator = "GreaterThanOrEqualToThreshold"
    return _rule("stack-monitor-errors", period, "MonitorErrors", "Maximum", operator, 1, runs, "notBreaching", 0)


def _rule(
    name: str, period: int, metric: str, statistic: str, operator: str, threshold: float, runs: str, missing: str,
    warm_up: int, dimensions: tuple[tuple[str, str], ...] = (),
) -> AlarmRule:  # fmt: skip
    datapoints, _, periods = runs.split()
    return AlarmRule.of(
        {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": name, "MetricName": metric, "Statistic": statistic, "Period": period,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions],
                "EvaluationPeriods": int(periods), "DatapointsToAlarm": int(datapoints),
                "ComparisonOperator": operator, "Threshold": threshold, "TreatMissingData": missing,
                "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": warm_up},
            },
        }
    )  # fmt: skip
