"""The template, read: what a choice of parameters would make, and which choices it takes.

What belongs here: pure functions of the template's text; CloudFormation reads the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from ipaddress import ip_network
from typing import Any

import yaml

from sparkify_dagster.core.errors import CloudError
from sparkify_dagster.core.text import cited

NAME = re.compile(r"[a-z](-?[a-z0-9]){1,29}")
"""What the cluster, workgroup, bucket, roles and stack of one name all may be called."""
_SECRET = re.compile("passw|secret|token", re.IGNORECASE)
_ZONES = {"true": 3, "false": 2}


class ClusterError(CloudError):
    """What was asked for cannot be made, paused or deleted; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something the template makes.

    Attributes:
        purpose: What it is for; blank of what only joins two others.
    """

    name: str
    kind: str
    purpose: str


class _Reader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms: `!Ref X` is `{"Ref": "X"}`."""


def _short_form(reader: _Reader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = reader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = reader.construct_sequence(node, deep=True)
    else:
        value = reader.construct_mapping(node, deep=True)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


_Reader.add_multi_constructor("!", _short_form)


@cache
def text() -> str:
    """The template as it is handed to CloudFormation."""
    return files("sparkify_dagster.cluster").joinpath("sparkify.yaml").read_text(encoding="utf-8")


@cache
def template() -> Mapping[str, Any]:
    """The template as data."""
    read: Mapping[str, Any] = yaml.load(text(), Loader=_Reader)
    return read


def defaults() -> dict[str, str]:
    """Each parameter's default."""
    return {name: str(of["Default"]) for name, of in template()["Parameters"].items()}


def resources(parameters: Mapping[str, str]) -> list[Resource]:
    """What the parameters make, in the template's order."""
    return [
        Resource(name, of["Type"], of.get("Metadata", {}).get("Purpose", ""))
        for name, of in template()["Resources"].items()
        if "Condition" not in of or holds({"Condition": of["Condition"]}, parameters)
    ]


def holds(condition: Any, parameters: Mapping[str, str]) -> bool:
    """Whether a condition of the template holds."""
    ((function, of),) = condition.items()
    if function == "Condition":
        return holds(template()["Conditions"][of], parameters)
    if function == "Fn::Not":
        return not holds(of[0], parameters)
    if function == "Fn::And":
        return all(holds(each, parameters) for each in of)
    left, right = (parameters[x["Ref"]] if isinstance(x, dict) else str(x) for x in of)
    return left == right


def lake_of(name: str, account: str, region: str) -> str:
    """The new bucket's name."""
    return f"{name}-lake-{account}-{region}"


def zones_needed(parameters: Mapping[str, str]) -> int:
    """In how many availability zones the warehouse must have a subnet."""
    return _ZONES[parameters["EnhancedVpcRouting"]]


def require_name(name: str) -> None:
    """Lets a name pass that AWS takes for all that is called after it.

    Raises:
        ClusterError: It does not.
    """
    if not NAME.fullmatch(name):
        raise ClusterError(
            f"{cited(name)} is no name AWS takes for all that is called after it. Take 2 to 30 "
            "lower-case letters, digits and single hyphens, beginning with a letter, such as "
            "sparkify-prod."
        )


def require_good(parameters: Mapping[str, str]) -> None:
    """Lets parameters pass that the template takes and that go together.

    Raises:
        ClusterError: Some do not; names each, and never a password's value.
    """
    problems = [*_problems(parameters)] or [*_apart({**defaults(), **parameters})]
    if problems:
        raise ClusterError(" ".join(problems))


def _problems(given: Mapping[str, str]) -> Iterator[str]:
    known = template()["Parameters"]
    for name, value in given.items():
        if name not in known and _SECRET.search(name):
            yield (
                f"{cited(name)}: no password is a parameter. Redshift makes the administrator's "
                "and keeps it in Secrets Manager; the loader logs in by IAM. Leave it out."
            )
        elif name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f" Did you mean {close[0]}?" if close else ""
            yield f"no parameter {cited(name)}.{meant} There are: {', '.join(known)}."
        elif wrong := _wrong(known[name], name, value):
            yield f"{name} is {cited(value)!r}: {wrong}."


def _wrong(of: Mapping[str, Any], name: str, value: str) -> str:
    """What is wrong with a parameter's value; blank: nothing."""
    if "AllowedValues" in of and value not in of["AllowedValues"]:
        return f"take one of {', '.join(of['AllowedValues'])}"
    if of["Type"] == "Number":
        least, most = of.get("MinValue", 0), of.get("MaxValue", 10**9)
        if not (value.isdecimal() and least <= int(value) <= most):
            return f"take a whole number from {least} to {most}"
    if re.fullmatch(of.get("AllowedPattern", ".*"), value):
        return ""
    if name == "ClientCidr" and _is_network(value):
        return (
            "it is public. The warehouse is not reachable from the Internet; give private "
            "addresses (10…, 172.16 to 31…, 192.168…) and come by VPN or peering, or run the "
            "loader in the loader's subnet"
        )
    return f"it must be: {of['Description'][0].lower()}{of['Description'][1:]}"


def _is_network(cidr: str) -> bool:
    with suppress(ValueError):
        ip_network(cidr, strict=False)
        return True
    return False


def _apart(chosen: Mapping[str, str]) -> Iterator[str]:
    """Values that are good by themselves and do not go together."""
    if bool(chosen["VpcId"]) != bool(chosen["SubnetIds"]):
        yield "VpcId and SubnetIds go together: set both, or neither for a network of its own."
    if int(chosen["BaseCapacity"]) > int(chosen["MaxCapacity"]):
        yield (
            f"BaseCapacity {chosen['BaseCapacity']} is above MaxCapacity "
            f"{chosen['MaxCapacity']}: raise MaxCapacity, too; it bounds the cost per hour."
        )
