"""The template with its values filled in, and its policies as files, for tests and for `make lint`.

`python -m sparkify_dagster_tests.policies DIR` writes each policy of each kind of warehouse.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sparkify_dagster.cluster.template import defaults, holds, template

ACCOUNT, REGION, NAME = "123456789012", "us-west-2", "sparkify"
_GIVEN = {
    "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::StackName": NAME,
    "AWS::Partition": "aws",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/1a2b",
}  # fmt: skip
_NOTHING = object()
EXISTING = {
    "LakeBucket": "our-lake",
    "LakeKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0000aaaa-1111-2222-3333-444455556666",
}


class Filled:
    """The template as CloudFormation makes it of some parameters.

    Attributes:
        resources: By name; a reference to another is its name, an attribute `Name.Attribute`.
    """

    def __init__(self, **parameters: str) -> None:
        self.parameters: Mapping[str, str] = {**defaults(), **parameters}
        self.resources: dict[str, Any] = {
            name: self._value(of)
            for name, of in template()["Resources"].items()
            if "Condition" not in of or holds({"Condition": of["Condition"]}, self.parameters)
        }

    def of_kind(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a kind."""
        return {
            name: of.get("Properties", {})
            for name, of in self.resources.items()
            if of["Type"] == kind
        }

    def policies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each policy of an identity, with its name."""
        for name, role in self.of_kind("AWS::IAM::Role").items():
            for policy in role["Policies"]:
                yield f"{name}-{policy['PolicyName']}", policy["PolicyDocument"]

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            filled = [self._value(each) for each in value]
            return [each for each in filled if each is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, of),) = value.items()
            if function.startswith("Fn::") or function == "Ref":
                return self._function(function, of)
        return {
            key: filled for key, of in value.items() if (filled := self._value(of)) is not _NOTHING
        }

    def _function(self, function: str, of: Any) -> Any:
        match function:
            case "Ref":
                return _NOTHING if of == "AWS::NoValue" else self._named(of)
            case "Fn::If":
                condition, yes, no = of
                return self._value(yes if holds({"Condition": condition}, self.parameters) else no)
            case "Fn::GetAtt":
                name = of if isinstance(of, str) else ".".join(of)
                return self._arn(name) if name.endswith("Arn") else name
            case "Fn::Sub":
                text, beside = (of, {}) if isinstance(of, str) else (of[0], self._value(of[1]))
                return re.sub(
                    r"\$\{([^}]+)\}", lambda m: str(beside.get(m[1]) or self._named(m[1])), text
                )
            case "Fn::Select":
                return self._value(of[1])[of[0]]
            case "Fn::Split":
                return self._value(of[1]).split(of[0])
            case "Fn::GetAZs":
                return [f"{REGION}{letter}" for letter in "abc"]
        raise ValueError(f"{function}: of the template, and not known here; say what it gives")

    def _named(self, name: str) -> str:
        if name.endswith(".Arn"):
            return self._arn(name)
        if name == "Lake":
            return f"{NAME}-lake-{ACCOUNT}-{REGION}"
        return {**_GIVEN, **self.parameters}.get(name, name)

    def _arn(self, attribute: str) -> str:
        name = attribute.partition(".")[0]
        kind = template()["Resources"][name]["Type"]
        place = f"{REGION}:{ACCOUNT}"
        return {
            "AWS::SQS::Queue": f"arn:aws:sqs:{place}:{name}",
            "AWS::S3::Bucket": f"arn:aws:s3:::{self._named('Lake')}",
            "AWS::KMS::Key": f"arn:aws:kms:{place}:key/{name}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
            "AWS::RedshiftServerless::Workgroup":
                f"arn:aws:redshift-serverless:{place}:workgroup/0000aaaa-1111-2222-3333-444455556666",
        }[kind]  # fmt: skip


def write(folder: Path) -> None:
    """Writes all policies, as JSON."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for kind in ("serverless", "provisioned"):
        for beside in ({}, EXISTING):
            for name, policy in Filled(Warehouse=kind, **beside).policies():
                file = folder / f"{kind}-{name}-{'old' if beside else 'new'}.json"
                file.write_text(json.dumps(policy, indent=1))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
