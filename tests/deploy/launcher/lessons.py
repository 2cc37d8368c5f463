"""What MiniStack 1.5.33 lacks and the project uses: what AWS does, and what the emulator does instead."""

import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, lambda_runtime
from ministack.core.responses import get_region
from ministack.services import cloudwatch_logs, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers

from deploy.launcher import alarms, refusals, sandbox

_RUNTIME = Path(os.environ["DEPLOY_RUNTIME"])
_HOSTS = Path(os.environ["DEPLOY_HOSTS"])
_GIVEN = ("AWS_LAMBDA_", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_", "AWS_SECRET_", "AWS_SESSION_", "_HANDLER")
_original_conditions = engine._evaluate_conditions
_original_worker_class = lambda_runtime._worker_class_for
_original_properties_for_diff = changesets._resolve_props_for_diff
_original_get_template = handlers._get_template
_original_resource_arn = iam_actions.extract_resource_arn
_original_filter_pattern = cloudwatch_logs._compile_filter_pattern


def teach_before_the_services_start() -> None:
    """All but what other modules have copied by then."""
    lambda_runtime._worker_class_for = _worker_class
    alarms.teach()
    refusals.teach()
    changesets._resolve_props_for_diff = _properties_for_diff
    cloudwatch_logs._compile_filter_pattern = _filter_pattern
    _replace_action(_original_get_template, _get_template)
    for name in ("_put_event_invoke_config", "_delete_event_invoke_config"):
        setattr(lambda_svc, name, _unqualified(getattr(lambda_svc, name)))
    teach_functions_that_modules_have_bound()


def teach_functions_that_modules_have_bound() -> None:
    """Put the functions below in place wherever the original was imported by its name."""
    for module in list(sys.modules.values()):
        if getattr(module, "_evaluate_conditions", None) is _original_conditions:
            module._evaluate_conditions = _evaluate_conditions  # type: ignore[attr-defined]
        if getattr(module, "extract_resource_arn", None) is _original_resource_arn:
            module.extract_resource_arn = _resource_arn  # type: ignore[attr-defined]


def _evaluate_conditions(template: dict[str, Any], parameters: dict[str, Any]) -> Any:
    """AWS knows Fn::Join in Conditions. MiniStack takes it for true: a VPC that nobody wants is attached."""
    conditions = _joined(template.get("Conditions", {}), parameters)
    return _original_conditions({**template, "Conditions": conditions}, parameters)


def _joined(node: Any, parameters: dict[str, Any]) -> Any:
    """The node with every Fn::Join of literals and parameters replaced by its value."""
    if isinstance(node, list):
        return [_joined(item, parameters) for item in node]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Fn::Join"]:
        separator, items = node["Fn::Join"]
        return separator.join(_texts(items, parameters))
    return {key: _joined(value, parameters) for key, value in node.items()}


def _texts(items: Any, parameters: dict[str, Any]) -> list[str]:
    """A list of strings, or the value of the list parameter that is referred to."""
    if isinstance(items, dict):
        value = parameters[items["Ref"]]["Value"]
        return value if isinstance(value, list) else [part for part in value.split(",") if part]
    return [parameters[item["Ref"]]["Value"] if isinstance(item, dict) else str(item) for item in items]


def _properties_for_diff(template: dict[str, Any], parameters: dict[str, Any], *others: Any) -> dict[str, Any]:
    """A change set removes a resource whose condition has become false. MiniStack compares resources whatever their
    conditions, so that a parameter which only switches them (Paused) is "no change"."""
    resolved: dict[str, Any] = _original_properties_for_diff(template, parameters, *others)
    holds = _evaluate_conditions(template, parameters) if template else {}
    resources = resolved.get("Resources", {}).items()
    there = {name: item for name, item in resources if holds.get(item.get("Condition"), True)}
    return resolved | {"Resources": there}


def _get_template(parameters: dict[str, Any]) -> Any:
    """SAM CLI writes https://s3.REGION.amazonaws.com/.. for a nested template, and `sam delete` reads no other address.
    Here it writes the emulator's address."""
    status, headers, body = _original_get_template(parameters)
    ours, aws = (f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/", f"https://s3.{get_region()}.amazonaws.com/")
    return status, headers, body.replace(ours.encode(), aws.encode())


def _filter_pattern(raw: str) -> Callable[[str], bool]:
    """Of terms with `?` before them CloudWatch Logs wants one to be there. MiniStack wants all, question mark included,
    so that no error of a function is ever found. (User guide, "Filter pattern syntax", "Match terms in log events".)"""
    optional = re.findall(r'\?(?:"([^"]*)"|(\S+))', raw) if raw.startswith("?") else []
    terms = [quoted or plain for quoted, plain in optional]
    return (lambda message: any(term in message for term in terms)) if terms else _original_filter_pattern(raw)


def _resource_arn(service: str, method: str, path: str, headers: Any, body: bytes, *others: Any, **named: Any) -> str:
    """To read a log group's events AWS asks for `log-group:NAME:log-stream:..`, which the group's own ARN in
    CloudFormation, `log-group:NAME:*`, covers, and to make a stream likewise; to write events it asks for that of the
    stream (Service Authorization Reference, Amazon CloudWatch Logs). MiniStack asks for `log-group:NAME`."""
    arn: str = _original_resource_arn(service, method, path, headers, body, *others, **named)
    operation = headers.get("x-amz-target", "").rpartition(".")[2] if service == "logs" else ""
    if operation == "PutLogEvents":
        return f"{arn}:log-stream:{json.loads(body)['logStreamName']}"
    return f"{arn}:log-stream:" if operation in ("FilterLogEvents", "GetLogEvents", "CreateLogStream") else arn


def _replace_action(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """In the table of the API's actions."""
    table = handlers._ACTION_HANDLERS
    [name] = [name for name, function in table.items() if function is original]
    table[name] = replacement


def _worker_class(config: dict[str, Any]) -> Any:
    """Lambda puts layers below /opt and nothing of its host into sight. MiniStack runs Python functions by a script of
    its own, in its own environment and without /opt; its Runtime API for other runtimes is used instead."""
    python = str(config.get("Runtime", "")).startswith("python")
    return LambdaWorker if python else _original_worker_class(config)


class LambdaWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """One execution environment: a `bootstrap` that becomes awslambdaric in the sandbox."""

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        self._place = Path(tempfile.mkdtemp(prefix=f"lambda-{func_name}-"))
        self._code, self._layers = code_zip, [_layer(layer) for layer in config.get("Layers", [])]
        self._unpack()
        super().__init__(func_name, config, _bootstrap(self._place, config))

    def _unpack(self) -> None:
        (self._place / "opt").mkdir(parents=True)
        sandbox.unpack(self._code, self._place / "task")
        for layer in self._layers:
            sandbox.unpack(layer, self._place / "opt")

    def invoke(self, event: Any, request_id: str, **others: Any) -> Any:
        if not self._place.exists():  # it could not be started the last time, and is used again
            self._unpack()
        known = {name: others.get(name) for name in ("trace_id", "invoked_function_arn")}
        return super().invoke(event, request_id, **known)

    def _discard_tmpdir(self) -> None:
        super()._discard_tmpdir()
        shutil.rmtree(self._place, ignore_errors=True)


def _layer(layer: Any) -> bytes:
    archive: bytes | None = lambda_svc._resolve_layer_zip(layer)
    if archive is None:
        raise LookupError(f"no such layer: {layer}")
    return archive


def _bootstrap(place: Path, config: dict[str, Any]) -> bytes:
    """A zip with the `bootstrap` that MiniStack starts in its own environment, of which the function gets nothing."""
    words = sandbox.command(place / "task", place / "opt", _RUNTIME, config["Handler"], _HOSTS)
    own = sorted(config.get("Environment", {}).get("Variables", {}))
    log_group = config.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{config['FunctionName']}")
    # There is no AWS, and the mail server is on loopback: the template knows of neither.
    added = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        "IMAPCHECK_ALLOW_LOCAL_ADDRESSES": "true",
    }
    script = f"""#!{sandbox.PYTHON} -S
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from deploy.launcher import sandbox
given = {{name: value for name, value in os.environ.items() if name.startswith({_GIVEN!r}) or name in {own!r}}}
api = given.pop("AWS_LAMBDA_RUNTIME_API")
os.execvpe({words[0]!r}, {words!r}, sandbox.environment(api, {log_group!r}, given | {added!r}))
"""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, script)
    return package.getvalue()


def _unqualified(function: Callable[..., Any]) -> Callable[..., Any]:
    """To Lambda the settings of `$LATEST` for asynchronous calls are the function's own. MiniStack keeps them apart, so
    that neither GetFunctionEventInvokeConfig nor its own asynchronous calls find what SAM's template says."""

    def call(name: str, qualifier: str | None = None, *others: Any) -> Any:
        return function(name, None if qualifier == "$LATEST" else qualifier, *others)

    return call
