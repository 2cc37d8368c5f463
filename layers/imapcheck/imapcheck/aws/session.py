"""A boto3 session as people mean it: a variable of AWS that is empty counts as one that is not set."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boto3.session import Session


def session() -> "Session":
    """A new session. CI sets variables to nothing where they have no value, and boto3 would take that for one.

    An empty name of a file stays: it is a known way to have boto3 read none.
    """
    import boto3

    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value.strip()]:
        if not name.endswith("_FILE"):
            del os.environ[name]
    return boto3.session.Session()
