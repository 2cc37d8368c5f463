"""Translate template.yaml as SAM does; runs in SAM CLI's own environment.

    .venv-sam/bin/python translate.py TEMPLATE '{"Paused": "true"}'   ->  JSON on stdout

By aws-sam-translator, after SAM CLI's own reader. Intrinsics that only CloudFormation resolves stay as they are.
"""

import json
import os
import sys

os.environ.update(SAM_CLI_TELEMETRY="0", AWS_DEFAULT_REGION="eu-central-1")

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The template names no managed policy, so there is nothing to look up."""

    def load(self) -> dict[str, str]:
        return {}


def translate(path: str, parameters: dict[str, str]) -> dict[str, object]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - SAM CLI's environment, kept to the plainest
        template = yaml_parse(file.read())
    for name, definition in template["Parameters"].items():
        definition["Default"] = parameters.get(name, definition["Default"])
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://bucket/artifact.zip"
    translated: dict[str, object] = transform(template, {}, NoManagedPolicies())
    return translated


if __name__ == "__main__":
    print(json.dumps(translate(sys.argv[1], json.loads(sys.argv[2]))))
