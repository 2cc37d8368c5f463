"""Expand and translate template.yaml as SAM does; runs in SAM CLI's own environment.

    .venv-sam/bin/python translate.py TEMPLATE '{"Checks": "a,b"}'   ->  JSON on stdout

Language extensions by SAM CLI's own code, then AWS::Serverless by aws-sam-translator. Intrinsics that only
CloudFormation resolves stay as they are.
"""

import json
import os
import sys

os.environ.update(SAM_CLI_TELEMETRY="0", AWS_DEFAULT_REGION="eu-central-1")

from samcli.lib.cfn_language_extensions.sam_integration import expand_language_extensions
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
    values = {name: str(definition["Default"]) for name, definition in template["Parameters"].items()}
    expanded = expand_language_extensions(template, parameter_values=values, enabled=True).expanded_template
    for resource in expanded["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://bucket/artifact.zip"
    expanded["Transform"] = "AWS::Serverless-2016-10-31"
    translated: dict[str, object] = transform(expanded, {}, NoManagedPolicies())
    return translated


if __name__ == "__main__":
    print(json.dumps(translate(sys.argv[1], json.loads(sys.argv[2]))))
