"""The Lambda function behind the alarms' queue: alarm events in, stories out to the topic that people subscribe to."""

import gc

gc.disable()  # until all is loaded

from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from imapcheck.aws.explainer import Explainer
from imapcheck.aws.run_log import keep_libraries_quiet
from imapcheck.aws.settings import MessageSettings

logger = Logger(service="imapcheck")
keep_libraries_quiet()
processor = BatchProcessor(event_type=EventType.SQS)
# All its tries fit into RESERVED_SECONDS: a publish that is begun ends before Lambda ends the function.
config = Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
# An alarm waits for no explanation: these are told without what does not answer soon. The log may throttle once.
log_config = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
state_config = Config(connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1})
sns = boto3.client("sns", config=config)
explainer = Explainer(
    MessageSettings.from_environment(),
    logs=boto3.client("logs", config=log_config),
    cloudwatch=boto3.client("cloudwatch", config=state_config),
    sns=sns,
)
gc.freeze()
gc.enable()

RESERVED_SECONDS = 15.0
"""What is kept of Lambda's time for the tries of a publish under way and for the answer."""


class NotPublished(Exception):
    """The story of this message could not be published: the queue must keep it."""


def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Tell all alarms of the batch, then say message by message which the queue must deliver again."""
    logger.set_correlation_id(context.aws_request_id)
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVED_SECONDS
    failed = explainer.explain([(record["messageId"], record["body"]) for record in event["Records"]], seconds)

    def settle(record: SQSRecord) -> None:
        if record.message_id in failed:
            raise NotPublished(record.message_id)

    return process_partial_response(event=event, record_handler=settle, processor=processor, context=context)
