"""`imapcheck mute`: quiet for the alarms of one check, for a while, from now on."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from imapcheck.cli.help import WrongUsage
from imapcheck.cli.status import WRONG_USAGE
from imapcheck.definition.monitoring import MuteDefinition
from imapcheck.text import one_line
from imapcheck.wording import date

HELP = """\b
Example:
  imapcheck mute mail 2h --stack imapcheck
"""


def mute(
    check: Annotated[str, typer.Argument(metavar="CHECK", help="The check's name.")],
    duration: Annotated[str, typer.Argument(metavar="DURATION", help="How long, from 1m to 15d: 2h.")],
    stack: Annotated[str, typer.Option(metavar="NAME", help="The stack, in this account and Region.")],
) -> None:
    """Let a check's alarms and reminders send nothing for a while; checks and figures go on."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    try:
        window = MuteDefinition.model_validate(
            {"at": now.replace(tzinfo=None).isoformat(timespec="minutes"), "duration": duration}
        )
    except ValidationError:
        raise WrongUsage(f"DURATION {one_line(duration, 40)}: expected whole minutes, from 1m to 15d") from None
    try:
        from imapcheck.aws.stack_access import StackAccess, StackError
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"boto3", "botocore"}:
            raise
        print("AWS's library is not installed: pip install 'imapcheck[aws]'", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    try:
        rule = StackAccess(stack).mute(check, window, now)
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from None
    print(f"The alarms of {check} are silent until {date(now + window.duration, now)}; then it ends by itself.")
    print("Whatever is still wrong then is reported. To end it now:")
    print(f"  aws cloudwatch delete-alarm-mute-rule --alarm-mute-rule-name {rule}")
