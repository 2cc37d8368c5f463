"""Questions to AWS that INIT asks ahead of the first run.

A client's first request takes ten times the processor of a later one: the certificates of all authorities are read,
the connection is made, botocore learns how to ask. Lambda lends INIT a whole processor, and a run only its share.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

_LOG = logging.getLogger("imapcheck")
_MOST_SECONDS = 3.0
"""Together. Lambda ends an INIT after ten."""


def ask_ahead(questions: Sequence[Callable[[], object]]) -> None:
    """Ask all at the same time. What fails, or takes too long, is only logged: a run asks for itself."""
    threads = [threading.Thread(target=_ask, args=(question,), name="ahead", daemon=True) for question in questions]
    ends = time.monotonic() + _MOST_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))


def _ask(question: Callable[[], object]) -> None:
    try:
        question()
    except Exception as error:  # noqa: BLE001 - an INIT that raises would take every check along
        _LOG.info("AWS could not be asked in INIT: %s", type(error).__name__)
