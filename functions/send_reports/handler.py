"""The Lambda function of each hour: reminders, passed budgets, and the month's report."""

import gc

gc.disable()  # until all is loaded

from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from imapcheck.aws.reports import Reports, read_clock
from imapcheck.aws.run_log import keep_libraries_quiet
from imapcheck.aws.settings import MessageSettings

logger = Logger(service="send-reports")
keep_libraries_quiet()
config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
reports = Reports(
    MessageSettings.from_environment(),
    logs=boto3.client("logs", config=config),
    cloudwatch=boto3.client("cloudwatch", config=config),
    sns=boto3.client("sns", config=config),
)
gc.freeze()
gc.enable()


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Send what the hour before the event's `scheduled_time` brought."""
    logger.set_correlation_id(context.aws_request_id)
    reports.run(read_clock(event))
