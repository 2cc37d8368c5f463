"""Check definitions as files: one JSON object each, every problem a line that names file and field."""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imapcheck.definition.json_text import STANDARD_INPUT
from imapcheck.definition.model import CheckDefinition
from imapcheck.definition.parts import Parts, Sources
from imapcheck.errors import DefinitionError
from imapcheck.text import one_line

NOTHING = "nothing"
_WANTED = {
    "missing": "required",
    "string_type": "text in double quotes",
    "string_too_short": "text that is not empty",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "text or a list of texts",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a finite number",
}


def load_definition(path: Path, parts: Parts | None = None) -> CheckDefinition:
    """Read the definition in `path`, or from standard input where it is `-`, with the `parts` that it extends.

    Raises `DefinitionError`, one line per problem, each beginning with the file that the value stands in.
    """
    data, sources = (parts or Parts()).written(path)
    piped = path == STANDARD_INPUT
    if by_file := data.get("name") is None:
        data["name"] = "stdin" if piped else path.stem
    try:
        definition = parse_definition(data, source=sources, directory=path.parent)
    except DefinitionError as error:
        raise DefinitionError(_of_the_file(str(error), sources.own)) if by_file else error from None
    problems = []
    if not piped and definition.name != path.stem:
        wanted = f"{path.stem!r}, the file's name without .json"
        problems.append(problem_line(sources.of("name"), "name", one_line(repr(definition.name), 80), wanted))
    if definition.ca_path is not None and not definition.ca_path.is_file():
        wanted = "a file beside the definition; it is not there"
        problems.append(problem_line(sources.of("tls", "ca_file"), "tls.ca_file", repr(definition.tls.ca_file), wanted))
    if problems:
        raise DefinitionError("\n".join(problems))
    return definition


def _of_the_file(problems: str, source: str) -> str:
    """`problems` of a definition that has its file's name: it holds no key `name`."""
    start = f"{source}: name: "
    lines = problems.split("\n")
    return "\n".join(
        f"{line.replace(start, f'{source}: the file has its check\'s name: ', 1)}; rename the file"
        if line.startswith(start) else line
        for line in lines
    )  # fmt: skip


def load_part(path: Path, parts: Parts | None = None) -> dict[str, Any]:
    """The object of a part with what it extends itself; nothing is required in it. Raises as `load_definition`."""
    data, sources = (parts or Parts()).written(path)
    lines = []
    if data.get("name") is not None:
        wanted = "no name: each check has its file's"
        lines.append(problem_line(sources.of("name"), "name", one_line(repr(data["name"]), 80), wanted))
    try:
        CheckDefinition.model_validate(data, context={"directory": path.parent})
    except ValidationError as error:
        lines += _problems(sources, data, [item for item in error.errors(include_url=False) if not _is_open(item)])
    if lines:
        raise DefinitionError("\n".join(lines))
    return data


def _is_open(item: ErrorDetails) -> bool:
    """A problem of a part that a check which extends it may solve. No file adds to what stands in a list."""
    in_list = any(isinstance(key, int) for key in item["loc"])
    return not in_list and item["type"] in ("missing", "incomplete", "conflict")


def parse_definition(data: object, *, source: str | Sources, directory: Path | None = None) -> CheckDefinition:
    """Validate a definition's object; `source` begins each line of the `DefinitionError` that is raised."""
    sources = Sources((source, {})) if isinstance(source, str) else source
    context = {"directory": directory or Path(), "sources": sources if sources.extended else None}
    try:
        return CheckDefinition.model_validate(data, context=context)
    except ValidationError as error:
        items = error.errors(include_url=False)
    raise DefinitionError("\n".join(_problems(sources, data, items)))


def _problems(sources: Sources, data: object, items: list[ErrorDetails]) -> list[str]:
    from imapcheck.definition.hints import NO_CREDENTIALS, is_credentials_file

    if is_credentials_file(data):
        return [f"{sources.own}: found credentials, {NO_CREDENTIALS}"]
    return [_problem(sources, data, item) for item in items]


def _problem(sources: Sources, data: object, item: ErrorDetails) -> str:
    if item["type"] == "conflict":
        context = item["ctx"]
        return problem_line(sources.judged(context["field"]), context["field"], context["found"], context["what"])
    source = sources.of(*item["loc"])
    path = _field_path(item, data)
    if item["type"] == "extra_forbidden":
        return _unknown_key(source, path, item["loc"])
    if item["loc"][-1:] == ("[key]",):
        return _unknown_step(source, path, str(item["loc"][-2]))
    found = NOTHING if item["type"] == "missing" else _shown(path, _value_at(data, path, item))
    return problem_line(source, path, found, _expectation(item))


def _unknown_key(source: str, path: str, location: tuple[int | str, ...]) -> str:
    """With what is expected in its place; of a key of the secret, where it belongs."""
    from imapcheck.definition.hints import CREDENTIAL_KEYS, NO_CREDENTIALS, known_key  # only for an error's text

    if str(location[-1]).lower() in CREDENTIAL_KEYS:
        return f"{source}: {path}: found credentials, {NO_CREDENTIALS}"
    model: type[BaseModel] = CheckDefinition
    for part in location[:-1]:
        if isinstance(part, str):
            model = _model_of(model, part)
    names = {field.alias or name for name, field in model.model_fields.items()}
    return problem_line(source, path, "a key that is not known", known_key(str(location[-1]), names))


def _unknown_step(source: str, path: str, step: str) -> str:
    """Of `thresholds`, the one object whose keys are names of steps."""
    from imapcheck.definition.hints import known_step

    return problem_line(source, path, "a step that is not known", known_step(step))


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel]:
    """The model that `key` of `model` holds, by itself, in a list or in an alternative; else `model`."""
    field = next((field for name, field in model.model_fields.items() if key in (name, field.alias)), None)
    waiting: list[object] = [] if field is None else [field.annotation]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        waiting += get_args(kind)
    return model


def _field_path(item: ErrorDetails, data: object) -> str:
    """`new_message.to.0`: as far as the file itself goes, since a lone text is normalised to a list before."""
    parts: list[str] = []
    value = data
    for part in item["loc"]:
        if part == "[key]" or not isinstance(value, dict | list):
            break
        parts.append(str(part))
        value = _member(value, str(part))
    return ".".join(one_line(part, 60) for part in parts) or "definition"


def _value_at(data: object, path: str, item: ErrorDetails) -> object:
    """The value as it stands in the file: pydantic's own may already be a normalised one."""
    value: object = data
    for part in path.split("."):
        value = _member(value, part)
    return item.get("input") if value is None else value


def _member(value: object, part: str) -> object:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and part.isdigit() and int(part) < len(value):
        return value[int(part)]
    return None


def _shown(path: str, value: object) -> str:
    if path == "definition":
        return "this combination"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if path in ("secret", "send.secret"):
        return "text" if isinstance(value, str) else "a value"  # it may be the password itself
    if path in ("server", "send.server") and isinstance(value, str) and "@" in value:
        return "text with an @"  # it may be a password
    return one_line(json.dumps(value, ensure_ascii=False, default=str), 80)


def _expectation(item: ErrorDetails) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind in _WANTED:
        return _WANTED[kind]
    match kind:
        case "literal_error":
            return _one_of(str(context["expected"]), item["input"])
        case "greater_than" | "greater_than_equal":
            return f"{'more than' if kind == 'greater_than' else 'at least'} {_bound(context)}"
        case "less_than" | "less_than_equal":
            return f"{'less than' if kind == 'less_than' else 'at most'} {_bound(context)}"
        case "too_long" | "too_short":
            limit = context.get("max_length", context.get("min_length"))
            return f"{'at most' if kind == 'too_long' else 'at least'} {limit} entries"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
    return item["msg"]


def _bound(context: dict[str, Any]) -> str:
    """Of a number, in all its digits."""
    return f"{next(context[name] for name in ('gt', 'ge', 'lt', 'le') if name in context):.10g}"


def _one_of(expected: str, found: object) -> str:
    """Of pydantic's `'1.2' or '1.3'`: where a number, true or null was found, the quotes are what is missing."""
    if isinstance(found, str):
        return "one of " + expected.replace("'", "").replace(" or ", ", ")
    choices = expected.replace("'", '"')
    return f"{'one of ' if ',' in choices else ''}{choices}, in double quotes"


def problem_line(source: str, field: str, found: str, wanted: str) -> str:
    """`found` is what stands there; where that is `NOTHING`, the field is missing."""
    if found == NOTHING:
        return f"{source}: {field}: missing ({wanted})"
    return f"{source}: {field}: found {found}, expected {wanted}"
