"""The dashboard's table of checks: a CloudWatch custom widget.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
"""

import gc

gc.disable()  # until all is loaded

import os
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from imapcheck.aws.dashboard import Dashboard, Request
from imapcheck.aws.run_log import keep_libraries_quiet
from imapcheck.report.widget import DOCUMENTATION, sentence_widget

logger = Logger(service="show-checks")
keep_libraries_quiet()
config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
dashboard = Dashboard(
    boto3.client("cloudwatch", config=config),
    boto3.client("logs", config=config),
    definitions=Path(os.environ["IMAPCHECK_DEFINITIONS"]),
    group=os.environ["IMAPCHECK_LOG_GROUP"],
    namespace=f"ImapCheck/{os.environ['IMAPCHECK_STACK']}",
    paused=os.environ.get("IMAPCHECK_PAUSED") == "true",
)
gc.freeze()
gc.enable()


def handler(event: dict[str, Any], context: LambdaContext) -> str:
    """HTML for the dashboard, or Markdown where it asks what there is; errors are told in the widget's place."""
    if "describe" in event:
        return DOCUMENTATION
    request = Request.of(event)
    try:
        return dashboard.answer(request, context.invoked_function_arn)
    except ClientError as error:
        code, operation = error.response["Error"].get("Code", "an error"), error.operation_name
        logger.warning("the widget shows an error of AWS", operation=operation, code=code)
        return sentence_widget(f"AWS answered {operation} with {code}. Please try again.", dark=request.dark)
    except BotoCoreError as error:
        logger.warning("the widget shows an error of AWS", error=type(error).__name__)
        return sentence_widget(f"AWS could not be asked: {type(error).__name__}. Please try again.", dark=request.dark)
