"""Is it only this one? What a story says of the other checks of its stack."""

from imapcheck.alarms.kind import OTHERS_WINDOW, Others
from imapcheck.alarms.layout import names
from imapcheck.wording import elapsed


def of_others(others: Others | None) -> list[str]:
    """Which are in alarm too, and how the last runs of the rest ended; nothing of what is not known."""
    if others is None or others.total < 1:
        return []
    one = others.total == 1
    if not others.in_alarm:
        whole = "The other check" if one else f"The other {others.total} checks"
        none = "The other check is not in alarm." if one else f"None of the other {others.total} checks is in alarm."
        return [last_runs(whole, others) or none]
    are = "is" if others.in_alarm == 1 else "are"
    of = "The other check" if one else f"{others.in_alarm} of the other {others.total} checks"
    named = f": {names(others.named, others.unnamed)}" if others.named else ""
    rest = others.total - others.in_alarm
    told = last_runs("The other" if rest == 1 else f"The other {rest}", others) if rest > 0 else None
    return [f"{of} {are} in alarm too{named}.", *([told] if told else [])]


def last_runs(whose: str, others: Others) -> str | None:
    """`The other 11 checks: last run good.` None where the log was not asked."""
    rest = others.total - others.in_alarm
    if others.good is None or rest < 1:
        return None
    if others.good >= rest:
        return f"{whose}: last run good."
    silent = max(0, rest - others.good - others.failed)
    none = f"no run in the last {elapsed(OTHERS_WINDOW)}"
    if rest == 1:
        return f"{whose}: {none if silent else 'last run failed'}."
    ran = [f"{word} for {number}" for number, word in ((others.good, "good"), (others.failed, "failed")) if number]
    parts = [f"last run {', '.join(ran)}"] if ran else []
    return f"{whose}: {'; '.join([*parts, *([f'{none} for {silent}'] if silent else [])])}."
