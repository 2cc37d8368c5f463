"""The Lambda function: event -> definition -> credentials -> `run_check` -> log, metrics, return.

`{"check": NAME}` runs a deployed definition and publishes metrics; a whole definition is an instant test, which
publishes no metrics. What the server does is in the result; an exception is ours, counts in `MonitorErrors` and fails
the invocation.
"""

import gc
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from imapcheck.aws.event import is_instant_test
from imapcheck.aws.invocation import Invocation, RunOutcome
from imapcheck.aws.metrics import metrics_of, publish, publish_error
from imapcheck.aws.run_log import FINISHED, keep_libraries_quiet, run_fields
from imapcheck.aws.settings import Settings

settings = Settings.from_environment()
logger = Logger(service="imapcheck")
keep_libraries_quiet()
invocation = Invocation(settings)
# What was loaded until now stays; the collector's walks over it would fall into the steps' times.
gc.freeze()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run one check and return its result (docs/result.md)."""
    logger.set_correlation_id(context.aws_request_id)
    try:
        return _report(invocation.run(event, context.get_remaining_time_in_millis() / 1000))
    except Exception:
        if not is_instant_test(event):
            publish_error(settings.namespace)
        raise


def _report(outcome: RunOutcome) -> dict[str, Any]:
    """Publish, log and return the result, without the transcript where all went well."""
    result = outcome.result
    if not outcome.instant_test:
        publish(settings.namespace, metrics_of(result, outcome.definition), outcome.stamp)
    for warning in outcome.warnings:
        logger.warning(warning, check=result.check)
    logger.info(FINISHED, **run_fields(result, instant_test=outcome.instant_test, cold_start=outcome.cold_start))
    return result.to_dict() | ({"transcript": []} if result.available else {})
