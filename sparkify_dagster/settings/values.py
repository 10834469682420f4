"""What a value must look like, as a check and in words: the types of settings.

What belongs here: what can be said of one value by itself. Some take a blank text, for hand-made
sections: what is blank in the file or a variable is the default and comes to no check.
"""

import re
from dataclasses import dataclass
from datetime import date
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

S3: Final = "s3://"
_BUCKET: Final = "(a bucket's name has 3 to 63 characters)"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_WEBHOOK = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f.:]+\])(:[0-9]*)?(/[!-~]*)?", re.IGNORECASE)
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:[KMGT]i?B|(%))", re.IGNORECASE)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# What follows pydantic looks for anywhere in a value.
_SCHEME: Final = r"(?i:[a-z][a-z0-9+.-]*://|s3:)"
_PREFIX: Final = r"^s3://[A-Za-z0-9._-]{3,255}(/\S.*)?/?\Z"
_OBJECT: Final = r"^s3://[A-Za-z0-9._-]{3,255}/.*[^/\s]\Z"
_PATH: Final = rf"^(?!{_SCHEME})(?s:.+)\Z"
_ROLE: Final = r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+"
_SECRET: Final = r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:\S+)?\Z"
_SCHEMA: Final = r"(?ai)^(?!pg_|information_schema\Z)[a-z_][a-z0-9_]{0,62}\Z"


@dataclass(frozen=True)
class Expected:
    """What a good value looks like, for the docs and for errors."""

    words: str


@dataclass(frozen=True)
class Decides:
    """Marks a setting that decides what tables hold: of `songs`, `logs`, `lake` or `plays`."""

    what: Literal["songs", "logs", "lake", "plays"]


class Local:
    """Marks a setting whose relative paths are made absolute when settings are loaded."""


def in_s3(place: str) -> bool:
    """Whether a place of the lake is in S3."""
    return place.startswith(S3)


def is_local(place: str) -> bool:
    """Whether a place is a path of this machine, not a URI of any kind."""
    return not re.match(_SCHEME, place)


def _host(value: str) -> str:
    if value and not _HOST.fullmatch(value):
        try:
            IPv6Address(value)
        except AddressValueError:
            raise ValueError("not a host name") from None
    return value


def _webhook(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and not (_WEBHOOK.fullmatch(url) and urlsplit(url).port != 0):
        raise ValueError("not the URL of a webhook")
    return value


def _lower_scheme(value: object) -> object:
    if isinstance(value, str) and in_s3(value.lower()):
        return S3 + value[len(S3) :]
    return value


def _file(value: object) -> object:
    if not is_local(str(value)) or Path(str(value)).name in ("", ":memory:"):
        raise ValueError("not a file")
    return value


def environment_name(value: str) -> str:
    """The name of an environment as it stands in the names of schemas and files.

    In lower case, and an underscore for whatever is no letter or digit of ASCII, however many: so
    branches can be given as they are, and `fix/a` and `Fix-A` are one.
    """
    name = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    if value.strip() and name in ("", "production"):
        raise ValueError("not the name of an environment")
    return name


def _memory(value: str) -> str:
    found = _MEMORY.fullmatch(value)
    if value and not (found and 0 < float(found[1]) <= (100 if found[2] else float("inf"))):
        raise ValueError("not an amount of memory")
    return value


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("not a day")
    return value


YesNo = Annotated[bool, Expected("yes or no")]
Count = Annotated[int, Field(ge=0), Expected("a whole number, 0 or more")]
FromOne = Annotated[int, Field(ge=1), Expected("a whole number, 1 or more")]
FewRows = Annotated[int, Field(ge=0, le=50), Expected("a whole number, 0 to 50")]
Port = Annotated[int, Field(ge=1, le=65535), Expected("a whole number from 1 to 65535")]
Share = Annotated[
    float, Field(ge=0, le=1), Expected("a share from 0 to 1, such as 0.10 for a tenth")
]
Wait = Annotated[
    float, Field(ge=0, allow_inf_nan=False), Expected("a number of seconds, 0 or more")
]
Price = Annotated[
    float, Field(ge=0, allow_inf_nan=False), Expected("a number of dollars, 0 or more")
]
Timeout = Annotated[int, Field(ge=1), Expected("a whole number of seconds, 1 or more")]
TimeoutOrNone = Annotated[int, Field(ge=0), Expected("a whole number of seconds, 0 or more")]
Interval = Annotated[int, Field(ge=5), Expected("a whole number of seconds, 5 or more")]
Hours = Annotated[int, Field(ge=0, le=87_600), Expected("a whole number of hours, 0 to 87600")]
Days = Annotated[int, Field(ge=1, le=36_500), Expected("a whole number of days, 1 to 36500")]
Day = Annotated[date, BeforeValidator(_day), Expected("a day as YYYY-MM-DD")]
HostName = Annotated[
    str,
    AfterValidator(_host),
    Expected("a host name alone (the port goes in DB_PORT, the database in DB_NAME)"),
]
SslMode = Annotated[
    Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    Expected("verify-full, verify-ca, require, prefer, allow or disable"),
]
CopyRole = Annotated[
    str,
    Field(pattern=rf"^(({_ROLE}|default)(,{_ROLE})*)?\Z"),
    Expected("the ARN of a role, such as arn:aws:iam::123456789012:role/dwh, or default"),
]
AssumedRole = Annotated[
    str,
    Field(pattern=rf"^({_ROLE}(,{_ROLE})*)?\Z"),
    Expected("the ARN of a role, such as arn:aws:iam::123456789012:role/loader"),
]
SecretArn = Annotated[
    str,
    Field(pattern=_SECRET),
    Expected(
        "the ARN of a secret, such as arn:aws:secretsmanager:us-west-2:123456789012:secret:dwh"
    ),
]
Endpoint = Annotated[
    str, Field(pattern=r"^(?i:https?://[^\s@/]+/?)?\Z"), Expected("http(s)://host:port")
]
QueueUrl = Annotated[
    str,
    Field(pattern=r"^(?i:https?://[^\s@/]+/\S+)?\Z"),
    Expected("the URL of a queue, such as https://sqs.us-west-2.amazonaws.com/123456789012/lake"),
]
Webhook = Annotated[SecretStr, AfterValidator(_webhook), Expected("an http(s) URL")]
S3Prefix = Annotated[
    str, Field(pattern=rf"^\Z|{_PREFIX}"), Expected(f"s3://bucket/prefix {_BUCKET}")
]
LakeFolder = Annotated[
    str,
    Local,
    BeforeValidator(_lower_scheme),
    Field(pattern=f"{_PATH}|{_PREFIX}"),
    Expected(f"s3://bucket/prefix {_BUCKET} or the path of a local folder"),
]
LakeObject = Annotated[
    str,
    Local,
    BeforeValidator(_lower_scheme),
    Field(pattern=f"{_PATH}|{_OBJECT}"),
    Expected(f"s3://bucket/key {_BUCKET} or the path of a local file"),
]
OptionalObject = Annotated[
    str,
    Local,
    BeforeValidator(_lower_scheme),
    Field(pattern=rf"^\Z|{_PATH}|{_OBJECT}"),
    Expected(f"s3://bucket/key {_BUCKET} or the path of a local file"),
]
Endings = Annotated[
    str,
    Field(pattern=r"^(\*|\.[^\s,/*]+([\s,]+\.[^\s,/*]+)*)\Z"),
    Expected("endings that begin with a dot, between blanks or commas, or *"),
]
LocalFile = Annotated[Path, Local, BeforeValidator(_file), Expected("the path of a local file")]
DatabaseFile = Annotated[
    LocalFile,
    Expected("the path of a local file (an in-memory warehouse would be lost after each step)"),
]
Memory = Annotated[
    str, AfterValidator(_memory), Expected("an amount with its unit, such as 2GB, 512MiB or 50%")
]
EnvironmentName = Annotated[
    str,
    AfterValidator(environment_name),
    Expected("a name with letters or digits, such as a branch's; not production"),
]
SchemaName = Annotated[
    str,
    StringConstraints(pattern=_SCHEMA, to_lower=True),
    Expected("letters, digits and underscores (63 at most), not a digit first, not pg_…"),
]
