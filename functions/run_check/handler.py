"""The Lambda function: event -> definition -> credentials -> `run_check` -> log, metrics, return.

`{"check": NAME}` runs a deployed definition and publishes metrics; a whole definition inline is an instant
test, which publishes none. What the server does is in the result; an exception is ours and fails the
invocation.
"""

import gc
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from imapcheck.aws.invocation import Invocation, RunOutcome
from imapcheck.aws.metrics import publish
from imapcheck.aws.settings import Settings

settings = Settings.from_environment()
logger = Logger(service="imapcheck")
invocation = Invocation(settings)
# What was loaded until now stays; the collector's walks over it would fall into the steps' times.
gc.freeze()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run one check and return its result (docs/result.md)."""
    logger.set_correlation_id(context.aws_request_id)
    outcome: RunOutcome = invocation.run(event, context.get_remaining_time_in_millis() / 1000)
    result = outcome.result
    if outcome.named:
        publish(result, settings.step_metrics)
    if outcome.warning is not None:
        logger.warning(outcome.warning, check=result.check)
    content = result.to_dict()
    if result.available:
        content["transcript"] = []
    logger.info("check finished", result=content, instant_test=not outcome.named)
    return content
