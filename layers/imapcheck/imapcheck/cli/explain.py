"""`imapcheck explain [TYPE]`: what a failure type means and what to do first."""

import difflib
import shutil
import textwrap
from collections.abc import Iterator

from imapcheck.failures import Category, FailureType


def explanation(word: str | None) -> str:
    """One type, a category's types, or all of them. Raises `LookupError` with a suggestion for another word."""
    if word is None:
        return "\n\n".join("\n".join(_category(category)) for category in Category)
    wanted = word.strip().lower().replace("-", "_")
    if wanted in set(Category) - {Category.TIMEOUT}:
        return "\n".join(_category(Category(wanted)))
    found = next((type for type in FailureType if type == wanted), None)
    if found is not None:
        return "\n".join(_one(found))
    near = difflib.get_close_matches(wanted, [*FailureType, *Category], 3)
    meant = f"did you mean {' or '.join(near)}?" if near else "imapcheck explain lists them all"
    raise LookupError(f"{word!r} is not a failure type: {meant}")


def _category(category: Category) -> Iterator[str]:
    yield f"{category}:"
    for type in FailureType:
        if type.category is category:
            yield from textwrap.wrap(f"{type}: {type.meaning}", _width(), initial_indent="  ", subsequent_indent="    ")


def _one(type: FailureType) -> Iterator[str]:
    yield f"{type} ({type.category})"
    for label, text in (("What it means", type.meaning), ("What to do", type.advice)):
        yield from textwrap.wrap(f"{label}: {text}", _width(), subsequent_indent="  ")


def _width() -> int:
    return max(40, min(100, shutil.get_terminal_size().columns))
