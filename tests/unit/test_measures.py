"""A measure has a name in every way out, or its row says why not; each shows what the others show."""

import pytest

from imapcheck.asked import Asked
from imapcheck.aws.metrics import metrics_of
from imapcheck.definition.model import CheckDefinition
from imapcheck.measures import MEASURES, SLOW, Measure
from imapcheck.output import nagios, prometheus
from imapcheck.output.outcome import Outcome
from support.full_results import measured

FULL = measured()


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.says)
def test_measure_is_in_every_way_out_that_names_it(measure: Measure) -> None:
    """Else CloudWatch knows of a quota that Nagios and Prometheus do not."""
    outcome = Outcome("mail", FULL)
    value = measure.of(FULL)
    assert value is not None
    if measure.nagios is not None:
        label, unit = measure.nagios
        assert f" {label}={value:g}{unit}" in nagios.render([outcome])[0]
    if measure.cloudwatch is not None and measure is not SLOW:  # SLOW wants thresholds: tests/aws/test_metrics.py
        definition = CheckDefinition.model_validate({"server": "mail.example", "metrics": "all"})
        assert (measure.cloudwatch[0], value) in {
            (metric.name, metric.value) for metric in metrics_of(FULL, definition)
        }
    if measure.prometheus is not None:
        assert f'{measure.prometheus}{{check="mail"}} {float(value)}' in prometheus.render([outcome])


def test_names_are_used_once() -> None:
    """Two values under one name would be one."""
    named = [[m.nagios and m.nagios[0], m.prometheus, m.cloudwatch and m.cloudwatch[0]] for m in MEASURES]
    for names in zip(*named, strict=True):
        given = [name for name in names if name is not None]
        assert len(given) == len(set(given))


def test_quota_warns_from_the_definitions_share_on() -> None:
    """As the result's own warning does."""
    text, _ = nagios.render([Outcome("mail", FULL, asked=Asked(quota_warn_percent=90))])
    assert "quota_used=71%;90;;0;100" in text
