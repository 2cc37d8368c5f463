"""The dashboard's table of checks. Not built yet."""

from typing import Any


def handler(event: dict[str, Any], context: object) -> Any:
    """Raise, as nothing is told or shown yet."""
    raise NotImplementedError
