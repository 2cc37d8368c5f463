"""The kinds of value that a definition is made of, and how their errors are told."""

import re
from collections.abc import Container
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from imapcheck.text import forbidden_character

MAX_TERM = 900


def expected(what: str) -> PydanticCustomError:
    """A validation error whose message is what was expected."""
    return PydanticCustomError("expected", "{what}", {"what": what})


def incomplete(what: str) -> PydanticCustomError:
    """A validation error about an object in which something is missing, which a check may add to that of a part."""
    return PydanticCustomError("incomplete", "{what}", {"what": what})


def conflict(field: str, found: str, what: str) -> PydanticCustomError:
    """A validation error about fields that contradict each other; `field` is the one to look at."""
    return PydanticCustomError("conflict", "{what}", {"field": field, "found": found, "what": what})


def _line(value: str) -> str:
    if not value.strip():
        raise expected("text that is not empty")
    if (found := forbidden_character(value)) is not None:
        raise expected(f"one line of text without control characters (it holds {found})")
    if len(value) > MAX_TERM:
        raise expected(f"at most {MAX_TERM} characters (it has {len(value)})")
    return value


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        value = value[1:-1]
    return _line(value)


def as_list(value: Any) -> Any:
    """A lone text stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _duration(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise expected("a duration such as 90s, 15m, 12h or 1d")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _address(value: str) -> str:
    from imapcheck.definition.addresses import parse_address  # the email package is loaded only where mail is written

    _line(value)
    try:
        parse_address(value)
    except ValueError as error:
        raise expected(str(error)) from None
    return value


def body(value: str) -> str:
    """A message's text; raises the validation error that says what is wrong with it."""
    if not value.strip():
        raise expected("text that is not empty")
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise expected("text without NUL and without halves of surrogate pairs")
    return value


def _of_a_file(value: str) -> str:
    """Where a file is read, `parts` takes the key away before."""
    raise expected(
        'a whole definition, as only a file can extend another: send {"check": NAME}, or what imapcheck show prints'
    )


PART_NAME = r"^_[A-Za-z0-9._-]{0,100}\.json$"
PartName = Annotated[str, AfterValidator(_of_a_file), WithJsonSchema({"type": "string", "pattern": PART_NAME})]
Line = Annotated[str, Field(min_length=1, max_length=MAX_TERM), AfterValidator(_line)]
Term = Annotated[str, Field(min_length=1), AfterValidator(_unquoted)]
Address = Annotated[str, Field(min_length=1), AfterValidator(_address)]
Terms = Annotated[
    list[Term],
    BeforeValidator(as_list),
    Field(min_length=1, max_length=20),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
            ]
        }
    ),
]
Addresses = Annotated[
    list[Address],
    BeforeValidator(as_list),
    Field(max_length=100),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 100},
            ]
        }
    ),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhdw]$", "examples": ["90s", "15m", "1d"]}),
]
_LONGEST_KEEP = timedelta(days=3650)


def _keeping(value: timedelta) -> timedelta:
    if value > _LONGEST_KEEP:
        raise expected("at most 3650d")
    return value


Keeping = Annotated[Duration, AfterValidator(_keeping)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]


class Model(BaseModel):
    """What each object of a definition is. A known key that is null stands for its default.

    Its validator is built with the definition's, which a cold start waits for: once. What is made by itself as well,
    such as a default, has `defer_build=False`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_the_default(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return without_nulls(data, known)


def without_nulls(data: dict[Any, Any], known: Container[Any]) -> dict[Any, Any]:
    """`data` without the `known` keys that are null: of a key that is not known an error says so."""
    return {key: value for key, value in data.items() if value is not None or key not in known}
