"""The Lambda function: event -> definition -> credentials -> `run_check` -> log, metrics, return.

`{"check": NAME}` runs a deployed definition and publishes metrics; a whole definition is an instant test, which
publishes no metrics. What the server does is in the result; an exception is ours, counts in `MonitorErrors` and fails
the invocation. With `IMAPCHECK_PLACE` the function is a place: it takes `{"look": NAME, "digest": ..}` alone.
"""

import gc

gc.disable()  # until all is loaded: walks over what stays anyway would take a twentieth of a cold start

from typing import TYPE_CHECKING, Any, NoReturn

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from imapcheck.aws.event import is_instant_test, is_scheduled
from imapcheck.aws.invocation import Invocation, RunOutcome
from imapcheck.aws.metrics import metrics_of, publish, publish_error
from imapcheck.aws.run_log import COULD_NOT_RUN, FINISHED, error_fields, keep_libraries_quiet, run_fields
from imapcheck.aws.settings import Settings
from imapcheck.errors import NotDeployed

if TYPE_CHECKING:
    from imapcheck.aws.place import PlaceFunction


def _place_function() -> "PlaceFunction | None":
    """The place that this function is, if it is one."""
    if settings.place is None:
        return None
    from imapcheck.aws.place import PlaceFunction  # no other function pays for loading it

    return PlaceFunction(settings)


settings = Settings.from_environment()
logger = Logger(service="imapcheck")
keep_libraries_quiet()
place = _place_function()
invocation = Invocation(settings)
(place or invocation).prepare()
# What was loaded until now stays; the collector's walks over it would fall into the steps' times.
gc.freeze()
gc.enable()


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run one check and return its result (docs/result.md); `{"error": ..}` where a schedule outlived its check."""
    logger.set_correlation_id(context.aws_request_id)
    seconds = context.get_remaining_time_in_millis() / 1000
    try:
        if place is not None:
            return _look(place, event, seconds)
        return _report(invocation.run(event, seconds))
    except NotDeployed as error:
        # While a deployment removes a check, its schedule may fire once more: that is nobody's alarm.
        if not is_scheduled(event):
            return _fail(event, error)
        logger.warning(str(error))
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - raised again
        return _fail(event, error)


def _look(place: "PlaceFunction", event: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Answer home; an exception fails the invocation, so that home hears of it and `place-errors` counts it."""
    answer = place.answer(event, seconds)
    logger.info("looked", check=event["look"], **{key: answer[key] for key in ("place", "silent") if key in answer})
    return answer


def _fail(event: object, error: Exception) -> NoReturn:
    """Log why the check could not run, for the story of its alarm; count it; and fail the invocation."""
    instant_test = place is None and is_instant_test(event)
    logger.error(COULD_NOT_RUN, **error_fields(event, error, instant_test=instant_test))
    if place is None and not instant_test:
        publish_error(settings.namespace)
    raise error


def _report(outcome: RunOutcome) -> dict[str, Any]:
    """Publish, log and return the result."""
    result = outcome.result
    if not outcome.instant_test:
        publish(settings.namespace, metrics_of(result, outcome.definition, outcome.stamp), outcome.stamp)
    for warning in outcome.warnings:
        logger.warning(warning, check=result.check)
    logger.info(FINISHED, **run_fields(result, instant_test=outcome.instant_test, cold_start=outcome.cold_start))
    return result.to_dict()
