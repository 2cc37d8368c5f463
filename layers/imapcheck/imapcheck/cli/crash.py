"""What is printed of a bug of ours: where it struck, and no value."""

import traceback


def crash_report(error: BaseException) -> str:
    """Where a bug struck: places and types only, as a message may quote a secret."""
    places = [
        f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    return "\n".join([f"{type(error).__name__} (please report this; it shows no values)", *places])
