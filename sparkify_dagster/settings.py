"""The settings: `dwh.cfg` and the environment in, one typed and frozen object out.

No setting is read anywhere else in the package, be it from the environment or the file;
what is no setting, as DAGSTER_HOME and DISPLAY, the command line looks up itself. What
belongs here: each setting's type, default, range and meaning, where its value comes
from, and the words for a bad one. What does not: opening what a setting names (a
folder, a bucket, a database); that is for the lake and the warehouse. Importing this
module reads nothing.

A setting is a field of one of the section models, and everything else follows from the
field: section `[DAYS]` and key `FIRST` of the file, variable `SPARKIFY_DAYS__FIRST`, the
row in `docs/settings.md`. The library's own source for the environment is not used. It
cannot tell which file or variable a bad value came from, reads JSON where a plain word
is meant, and would let a test that builds a `Settings` depend on the shell around it.
"""

import configparser
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import cache
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from sparkify_dagster.core.local_files import read_bounded, require_trusted
from sparkify_dagster.core.text import printable

CONFIG_NAME: Final = "dwh.cfg"
ENV_PREFIX: Final = "SPARKIFY_"
ENV_CONFIG: Final = f"{ENV_PREFIX}CONFIG"
_JOINT: Final = "__"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://|s3:", re.IGNORECASE)
_S3_PREFIX = re.compile(r"s3://[A-Za-z0-9._-]{3,255}(/\S.*)?/?")
_S3_OBJECT = re.compile(r"s3://[A-Za-z0-9._-]{3,255}/(.*[^/\s])")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+|default")
_ROLE_COMMA = re.compile(r",(?=arn:)")
_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:\S+")
_QUEUE = re.compile(r"https?://[^\s@/]+/\S+", re.IGNORECASE)
_ENDINGS = re.compile(r"\*|\.[^\s,/*]+(?:[\s,]+\.[^\s,/*]+)*")
_ENDPOINT = re.compile(r"https?://[^\s@/]+/?", re.IGNORECASE)
_WEBHOOK = re.compile(r"https?://[a-z0-9._:\[\]-]+(/[!-~]*)?", re.IGNORECASE)
_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:[KMGT]i?B|%)", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_QUOTES: Final = ("'", '"')
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_PORT = 65535
_STAGING: Final = "_sparkify_staging"
_ALL = 100


class SettingsError(Exception):
    """The settings cannot be used; one message lists every problem and never a secret.

    Attributes:
        problems: The problems one by one, each with what was expected and what to do next.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Join the problems into one message.

        Args:
            problems: One text for each problem; it may have several lines.
        """
        self.problems: tuple[str, ...] = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'' if count == 1 else 's'} with the settings:"
        body = (f"{n}. " + text.replace("\n", "\n   ") for n, text in enumerate(self.problems, 1))
        super().__init__("\n".join((head, *body)))


# --- what a value must look like --------------------------------------------------------


def _host(value: str) -> str:
    if not value or _HOST.fullmatch(value):
        return value
    try:
        IPv6Address(value)
    except AddressValueError:
        raise ValueError("not a host name") from None
    return value


def _role(value: str) -> str:
    if value and not all(_ROLE.fullmatch(part) for part in _ROLE_COMMA.split(value)):
        raise ValueError("not the ARN of a role")
    return value


def _assumed(value: str) -> str:
    if value == "default":
        raise ValueError("not the ARN of a role")
    return _role(value)


def _secret(value: str) -> str:
    if value and not _SECRET.fullmatch(value):
        raise ValueError("not the ARN of a secret")
    return value


def _endpoint(value: str) -> str:
    if value and not _ENDPOINT.fullmatch(value):
        raise ValueError("not the address of a service")
    return value


def _queue_url(value: str) -> str:
    if value and not _QUEUE.fullmatch(value):
        raise ValueError("not the URL of a queue")
    return value


def _webhook(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url and not (_WEBHOOK.fullmatch(url) and _has_host_and_port(url)):
        raise ValueError("not the URL of a webhook")
    return value


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _staging(value: str) -> str:
    if value and not _S3_PREFIX.fullmatch(value):
        raise ValueError("not an S3 URI")
    return value


def _s3_or_local(value: str, s3: re.Pattern[str]) -> str:
    if not value:
        raise ValueError("blank")
    if not _SCHEME.match(value):
        return value
    if value[:5].lower() == "s3://":
        value = f"s3{value[2:]}"
    if not s3.fullmatch(value):
        raise ValueError("neither an S3 URI nor a local path")
    return value


def _lake_folder(value: str) -> str:
    return _s3_or_local(value, _S3_PREFIX)


def _lake_object(value: str) -> str:
    return _s3_or_local(value, _S3_OBJECT)


def _endings(value: str) -> str:
    if not _ENDINGS.fullmatch(value):
        raise ValueError("not a list of endings")
    return value


def _database_file(value: object) -> object:
    text = str(value)
    if _SCHEME.match(text) or Path(text).name in ("", ":memory:"):
        raise ValueError("not a file")
    return value


def _report_file(value: object) -> object:
    text = str(value)
    if _SCHEME.match(text) or not Path(text).name:
        raise ValueError("not a file")
    return value


def _memory(value: str) -> str:
    if not value:
        return value
    found = _MEMORY.fullmatch(value)
    if not found or not float(found[1]) or (value.endswith("%") and float(found[1]) > _ALL):
        raise ValueError("not an amount of memory")
    return value


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("not a day")
    return value


def _schema(value: str) -> str:
    folded = value.lower()
    if (
        not _IDENTIFIER.fullmatch(folded)
        or folded.startswith("pg_")
        or folded == "information_schema"
    ):
        raise ValueError("not a name for a schema")
    return folded


@dataclass(frozen=True)
class _Local:
    """Marks a setting whose relative paths are made absolute when settings are loaded."""


def _setting(default: object, meaning: str, expected: str, **limits: Any) -> Any:
    """A field with its meaning (for the docs) and what a good value is (for errors)."""
    return Field(default, description=meaning, json_schema_extra={"expected": expected}, **limits)


# --- the sections -----------------------------------------------------------------------


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True
    )


class ClusterSettings(_Section):
    """Section `[CLUSTER]`: the Redshift cluster; without a host there is none."""

    host: Annotated[str, AfterValidator(_host)] = _setting(
        "",
        "Host name of the Redshift cluster or workgroup. Blank: work on DuckDB.",
        "a host name alone (the port goes in DB_PORT, the database in DB_NAME)",
    )
    db_name: str = _setting("dev", "Database on the cluster.", "the name of a database")
    db_user: str = _setting("", "User to log in as.", "the name of a database user")
    db_password: SecretStr = _setting(
        SecretStr(""), "Password of that user; never shown.", "a password"
    )
    db_port: int = _setting(
        5439,
        "Port of the cluster.",
        f"a whole number from 1 to {_MAX_PORT}",
        ge=1,
        le=_MAX_PORT,
    )
    secret_arn: Annotated[str, AfterValidator(_secret)] = _setting(
        "",
        "Secret in Secrets Manager with user and password, instead of DB_USER and DB_PASSWORD.",
        "the ARN of a secret, such as arn:aws:secretsmanager:us-west-2:123456789012:secret:dwh",
    )
    cluster_id: str = _setting(
        "",
        "Provisioned cluster to log in to with IAM, instead of a password.",
        "the identifier of a cluster",
    )
    workgroup: str = _setting(
        "",
        "Serverless workgroup to log in to with IAM, instead of a password.",
        "the name of a workgroup",
    )
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = (
        _setting(
            "verify-full",
            "How the connection is secured; less than verify-full trusts whoever answers.",
            "verify-full, verify-ca, require, prefer, allow or disable",
        )
    )
    sslrootcert: Annotated[Path | None, _Local()] = _setting(
        None,
        "Root certificates to trust. Blank: those of the certifi package, Amazon's among them.",
        "the path of a local PEM file",
    )
    connect_timeout: int = _setting(
        20, "Seconds to wait for a connection.", "a whole number of seconds, 1 or more", ge=1
    )
    statement_timeout: int = _setting(
        3600,
        "Seconds one statement may take, waiting in Redshift's queue included. 0: no limit.",
        "a whole number of seconds, 0 or more",
        ge=0,
    )
    reader: str = _setting(
        "",
        "Database role that is granted reading of all tables. Blank: nobody is.",
        "the name of a role (CREATE ROLE)",
    )


class IamRoleSettings(_Section):
    """Section `[IAM_ROLE]`: the role with which the cluster reads the lake."""

    arn: Annotated[str, AfterValidator(_role)] = _setting(
        "",
        "Role the cluster assumes to read the lake (`COPY`). Chained roles: joined by commas.",
        "the ARN of a role, such as arn:aws:iam::123456789012:role/dwh, or default",
    )


class LakeSettings(_Section):
    """Section `[S3]`: where the lake is; each an `s3://` URI or an absolute local path."""

    log_data: Annotated[str, AfterValidator(_lake_folder), _Local()] = _setting(
        "data/lake/log_data",
        "The user-activity logs.",
        "s3://bucket/prefix (a bucket's name has 3 to 63 characters) or the path of a local folder",
    )
    log_jsonpath: Annotated[str, AfterValidator(_lake_object), _Local()] = _setting(
        "data/lake/log_json_path.json",
        "The JSONPaths document that maps log fields to columns.",
        "s3://bucket/key (a bucket's name has 3 to 63 characters) or the path of a local file",
    )
    song_data: Annotated[str, AfterValidator(_lake_folder), _Local()] = _setting(
        "data/lake/song_data",
        "The song catalogue.",
        "s3://bucket/prefix (a bucket's name has 3 to 63 characters) or the path of a local folder",
    )
    follow_links: bool = _setting(
        False,
        "Follow symbolic links in a lake in folders wherever they lead. `no`: only within LOG_DATA "
        "or SONG_DATA; whoever may write there could else have us read any file that we may.",
        "yes or no",
    )
    staging: Annotated[str, AfterValidator(_staging)] = _setting(
        "",
        "Where manifests and packed records for Redshift's COPY are written, and removed again. "
        "Blank: _sparkify_staging in the bucket of LOG_DATA.",
        "s3://bucket/prefix (a bucket's name has 3 to 63 characters)",
    )
    endings: Annotated[str, AfterValidator(_endings)] = _setting(
        ".json .jsonl .ndjson",
        "What the names of logs and songs end in, in any case, plain or with .gz behind it. Others "
        "are told and not read. *: any name, for deliveries without an ending.",
        "endings that begin with a dot, between blanks or commas, or *",
    )
    queue: Annotated[str, AfterValidator(_queue_url)] = _setting(
        "",
        "SQS queue with the events of the lake's buckets, for the sensor. Blank: it lists instead.",
        "the URL of a queue, such as https://sqs.us-west-2.amazonaws.com/123456789012/lake",
    )

    @property
    def staging_prefix(self) -> str:
        """Where COPY's files are written; blank when nothing says where."""
        if self.staging or not self.log_data.startswith("s3://"):
            return self.staging
        return f"s3://{self.log_data.split('/')[2]}/{_STAGING}"


class AwsSettings(_Section):
    """Section `[AWS]`: how S3 and the other services are reached."""

    profile: str = _setting(
        "",
        "Profile of the AWS configuration. Blank: the usual chain of credentials.",
        "the name of a profile",
    )
    region: str = _setting(
        "", "Region of the services. Blank: the profile's.", "a region, such as us-west-2"
    )
    endpoint_url: Annotated[str, AfterValidator(_endpoint)] = _setting(
        "", "Another address of the services, for tests and look-alikes.", "http(s)://host:port"
    )
    role_arn: Annotated[str, AfterValidator(_assumed)] = _setting(
        "",
        "Role that this program assumes for all it asks of AWS. Blank: none.",
        "the ARN of a role, such as arn:aws:iam::123456789012:role/loader",
    )
    max_attempts: int = _setting(
        5, "How often a request is tried in all.", "a whole number, 1 or more", ge=1
    )


class DuckDBSettings(_Section):
    """Section `[DUCKDB]`: the warehouse on one machine."""

    path: Annotated[Path, BeforeValidator(_database_file), _Local()] = _setting(
        Path("data/warehouse.duckdb"),
        "The database file.",
        "the path of a local file (an in-memory warehouse would be lost after each step)",
    )
    memory_limit: Annotated[str, AfterValidator(_memory)] = _setting(
        "",
        "Memory DuckDB may use. Blank: its own default, 80 % of the machine's.",
        "an amount with its unit, such as 2GB, 512MiB or 50%",
    )
    threads: int = _setting(
        0,
        "Threads DuckDB may use. 0: one for each core.",
        "a whole number, 0 or more",
        ge=0,
    )
    lock_wait: float = _setting(
        60.0,
        "Seconds to wait while another process writes.",
        "a number of seconds, 0 or more",
        ge=0,
        allow_inf_nan=False,
    )
    shared: bool = _setting(
        False,
        "Whether other accounts of the machine get what the umask gives them, when the file is "
        "made. `no`: nothing. Whoever may read it can hold it, too, and no load gets in meanwhile.",
        "yes or no",
    )


class DaysSettings(_Section):
    """Section `[DAYS]`: the log days the warehouse covers, both ends included."""

    first: Annotated[date, BeforeValidator(_day)] = _setting(
        date(2018, 11, 1), "First log day.", "a day as YYYY-MM-DD"
    )
    last: Annotated[date | None, BeforeValidator(_day)] = _setting(
        None,
        "Last log day. Blank: open, up to today in UTC or the latest day ever loaded.",
        "a day as YYYY-MM-DD, or blank",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last and self.last < self.first:
            raise ValueError(f"a day not before FIRST, {self.first.isoformat()}")
        return self


class LoadSettings(_Section):
    """Section `[LOAD]`: how loads behave and what is kept of them."""

    schema_name: Annotated[str, AfterValidator(_schema)] = _setting(
        "sparkify",
        "Schema of all tables; lower case.",
        "letters, digits and underscores (63 at most), not a digit first, not pg_…",
        validation_alias="schema",
    )
    reject_limit: float = _setting(
        0.10,
        "Share of rejected records above which a day, or the song catalogue, fails.",
        "a share from 0 to 1, such as 0.10 for a tenth",
        ge=0,
        le=1,
    )
    batch_mb: int = _setting(
        512,
        "Megabytes of log objects, unpacked, that are published in one transaction, about; their "
        "rows are held in memory till then.",
        "a whole number, 1 or more",
        ge=1,
    )
    object_mb: int = _setting(
        1_024,
        "Megabytes that an object of the lake may hold, unpacked. Of a larger one nothing is read: "
        "its day, or the song load, fails.",
        "a whole number, 1 or more",
        ge=1,
    )
    gzip_ratio: int = _setting(
        200,
        "How many times as large as its gzip file an object of more than 16 MB may be (logs: 8 to "
        "12); likewise.",
        "a whole number, 1 or more",
        ge=1,
    )
    held_mb: int = _setting(
        4_096,
        "Megabytes of memory that the rows and rejects of a log day, or of a song load, may take "
        "till they are published; likewise.",
        "a whole number, 1 or more",
        ge=1,
    )
    most_rejects: int = _setting(
        1_000_000,
        "Rejected records that a log day, or a song load, may have, whatever REJECT_LIMIT says; "
        "likewise.",
        "a whole number, 0 or more",
        ge=0,
    )
    history_days: int = _setting(
        365,
        "Days that `load_history` and the rejects of failed loads are kept.",
        "a whole number of days, 1 to 36500",
        ge=1,
        le=36_500,
    )
    direct_copy: bool = _setting(
        True,
        "Let Redshift read log days itself (COPY). `no`: our reader reads them, which tells "
        "each row's object and line and counts unknown fields, and costs their way through here.",
        "yes or no",
    )
    run_days: int = _setting(
        90,
        "Days that Dagster's run records are kept.",
        "a whole number of days, 1 to 36500",
        ge=1,
        le=36_500,
    )
    preview_rows: int = _setting(
        5,
        "Rows of each table shown in the Dagster UI after a load, personal data masked; 0: none.",
        "a whole number, 0 to 50",
        ge=0,
        le=50,
    )


class SensorSettings(_Section):
    """Section `[SENSOR]`: loads that start themselves."""

    enabled: bool = _setting(
        True, "Whether the sensor is on when `dagster dev` or the daemon starts.", "yes or no"
    )
    interval: int = _setting(
        30,
        "Seconds between two looks at the lake.",
        "a whole number of seconds, 5 or more",
        ge=5,
    )
    list_every: int = _setting(
        900,
        "Seconds between two listings where a QUEUE tells of changes: they find what it missed.",
        "a whole number of seconds, 5 or more",
        ge=5,
    )
    attempts: int = _setting(
        3,
        "How often a failing load is tried by itself before the lake or a person must change "
        "something.",
        "a whole number, 1 or more",
        ge=1,
    )
    pause: float = _setting(
        60.0,
        "Seconds before the second try; doubled for each one after.",
        "a number of seconds, 0 or more",
        ge=0,
        allow_inf_nan=False,
    )


class AlertsSettings(_Section):
    """Section `[ALERTS]`: who is told when something goes wrong."""

    webhook: Annotated[SecretStr, AfterValidator(_webhook)] = _setting(
        SecretStr(""),
        "Webhook that is told what failed, what is given up, what is loaded again, and of "
        "staleness, in Slack's format; never shown, as it holds a token. Blank: nobody is told.",
        "an http(s) URL",
    )
    stale_hours: int = _setting(
        48,
        "Hours without a published load after which tables count as stale (the song catalogue, "
        "which changes seldom: 15 times as many). 0: never.",
        "a whole number of hours, 0 to 87600",
        ge=0,
        le=87_600,
    )


class ReportSettings(_Section):
    """Section `[REPORT]`: the page that shows what the tables say."""

    enabled: bool = _setting(
        True,
        "Whether a load that changed something writes the report anew.",
        "yes or no",
    )
    path: Annotated[Path, BeforeValidator(_report_file), _Local()] = _setting(
        Path("data/report.html"),
        "The file it is written to.",
        "the path of a local file",
    )
    shared: bool = _setting(
        False,
        "Whether other accounts of the machine get what the umask gives them, when it is written. "
        "`no`: nothing.",
        "yes or no",
    )


class Settings(BaseSettings):
    """Every setting, typed and frozen.

    Building one reads neither a file nor the environment (`load_settings` does), and only
    checks each section by itself: a test may pair a host with a local lake.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=_JOINT,
    )

    cluster: ClusterSettings = ClusterSettings()
    iam_role: IamRoleSettings = IamRoleSettings()
    s3: LakeSettings = LakeSettings()
    aws: AwsSettings = AwsSettings()
    duckdb: DuckDBSettings = DuckDBSettings()
    days: DaysSettings = DaysSettings()
    load: LoadSettings = LoadSettings()
    sensor: SensorSettings = SensorSettings()
    alerts: AlertsSettings = AlertsSettings()
    report: ReportSettings = ReportSettings()
    source: Path | None = Field(None, description="The configuration file that was read.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is passed and nothing else; why: the module's docstring."""
        return (init_settings,)

    @property
    def engine(self) -> Literal["duckdb", "redshift"]:
        """The engine the settings select: Redshift as soon as there is a host."""
        return "redshift" if self.cluster.host else "duckdb"


# --- the settings described -------------------------------------------------------------


@dataclass(frozen=True)
class SettingInfo:
    """What there is to say about one setting.

    Attributes:
        section: Section of `dwh.cfg`, without brackets.
        key: Key in that section.
        env: Environment variable that overrides the file.
        default: The default, as one would write it; blank where there is none.
        meaning: What it is for, in a sentence.
        expected: What a good value looks like.
        secret: Whether its value must never be shown.
        local: Whether it takes a local path, which may be relative.
    """

    section: str
    key: str
    env: str
    default: str
    meaning: str
    expected: str
    secret: bool
    local: bool


def describe_settings() -> tuple[SettingInfo, ...]:
    """Describe every setting, in the order of `dwh.cfg.example`."""
    return tuple(info for info, _, _ in _catalogue().values())


@cache
def _catalogue() -> dict[tuple[str, str], tuple[SettingInfo, str, str]]:
    """Each setting by section and key, with the two names under which `Settings` takes it."""
    found: dict[tuple[str, str], tuple[SettingInfo, str, str]] = {}
    for section_name, section_field in Settings.model_fields.items():
        model = section_field.annotation
        if not (isinstance(model, type) and issubclass(model, _Section)):
            continue
        for name, field in model.model_fields.items():
            taken_as = str(field.validation_alias or name)
            section, key = section_name.upper(), taken_as.upper()
            extra = field.json_schema_extra
            info = SettingInfo(
                section=section,
                key=key,
                env=f"{ENV_PREFIX}{section}{_JOINT}{key}",
                default=_as_text(field.default),
                meaning=field.description or "",
                expected=str(extra["expected"]) if isinstance(extra, dict) else "",
                secret=field.annotation is SecretStr,
                local=any(isinstance(mark, _Local) for mark in field.metadata),
            )
            found[section, key] = (info, section_name, taken_as)
    return found


def _as_text(default: object) -> str:
    if default is None or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, date):
        return default.isoformat()
    return f"{default:g}" if isinstance(default, float) else str(default)


# --- problems, in words -----------------------------------------------------------------


def _problem(where: str, found: str, expected: str, next_step: str) -> str:
    told = (f"{where}: {found}", f"expected: {expected}", f"next: {next_step}")
    return "\n".join(map(printable, told))


def _shown(info: SettingInfo, value: str) -> str:
    """The bad value as it may be printed: no secret, and nothing before an @ (a login)."""
    if info.secret:
        return "(not shown)"
    return repr(f"***{value[value.rindex('@') :]}" if "@" in value else value)


def _rename(word: str, known: Iterable[str]) -> str:
    """The next step for an unknown name: the known one that comes close, if any."""
    close = get_close_matches(word.upper(), list(known), n=1)
    return f"did you mean {close[0]}? Rename it, or remove it" if close else "remove it"


@dataclass(frozen=True)
class _Given:
    """A value that was given: where, the folder its relative paths start from, the remedy.

    A broken one (its problem is already noted) counts as given, and is read no further.
    """

    value: str
    where: str
    base: Path
    fix: str
    broken: bool = False


_Values = dict[tuple[str, str], _Given]


# --- the file ---------------------------------------------------------------------------


class _Parser(configparser.RawConfigParser):
    """INI without interpolation (a % in a password is a %), names in upper case."""

    def __init__(self) -> None:
        super().__init__(default_section="\0", empty_lines_in_values=False)

    def optionxform(self, optionstr: str) -> str:
        return optionstr.upper()


def _choose_file(config: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: the one asked for, else the variable's, else ./dwh.cfg if there."""
    named = config if config is not None else environ.get(ENV_CONFIG, "").strip()
    if named:
        return _absolute(str(named), cwd)
    usual = cwd / CONFIG_NAME
    try:
        require_trusted(usual)
    except OSError as error:
        step = f"remove it, or name it if you trust it (--config, {ENV_CONFIG})"
        raise SettingsError(
            [_problem(str(usual), str(error.strerror), "a file of your own", step)]
        ) from None
    return usual if os.path.lexists(usual) else None


def _parse_file(path: Path) -> _Parser:
    """Parse the file.

    Raises:
        SettingsError: It cannot be read or parsed. Lines are named by their number only,
            as a line may hold a secret.
    """
    parser = _Parser()
    where = str(path)
    try:
        parser.read_string(read_bounded(path).decode("utf-8-sig"))
    except OSError as error:
        found = error.strerror or type(error).__name__
        step = f"correct the name (--config, {ENV_CONFIG}), or copy {CONFIG_NAME}.example there"
        raise SettingsError([_problem(where, found, "a file to read", step)]) from None
    except UnicodeDecodeError as error:
        found = f"byte {error.start} is not UTF-8"
        step = "save the file as UTF-8"
        raise SettingsError([_problem(where, found, "text in UTF-8", step)]) from None
    except configparser.Error as error:
        expected = "[SECTION] lines with KEY=value lines below, each name once"
        raise SettingsError(
            _problem(where, found, expected, "correct the line") for found in _syntax(error)
        ) from None
    return parser


def secrets_in(path: Path) -> list[str]:
    """The keys of a configuration file whose values are secrets and stand in it."""
    given = _from_file(path, [])
    return [
        key for (section, key), entry in given.items() if entry.value and _is_secret(section, key)
    ]


def _is_secret(section: str, key: str) -> bool:
    return _catalogue()[section, key][0].secret


def _syntax(error: configparser.Error) -> Iterator[str]:
    if isinstance(error, configparser.DuplicateOptionError):
        yield f"line {error.lineno}: a second {error.option} in [{error.section}]"
    elif isinstance(error, configparser.DuplicateSectionError):
        yield f"line {error.lineno}: a second section [{error.section}]"
    elif isinstance(error, configparser.MissingSectionHeaderError):
        yield f"line {error.lineno} stands before any [SECTION] line"
    elif isinstance(error, configparser.ParsingError):
        yield from (f"line {number} has no = sign" for number, _ in error.errors)
    else:
        yield "not in the form of an INI file"


def _from_file(path: Path, problems: list[str]) -> _Values:
    """What the file says, blanks included; unknown names and bad quotes go to `problems`."""
    parser = _parse_file(path)
    given: _Values = {}
    for title in parser.sections():
        section = title.upper()
        if section not in _sections():
            problems.append(_unknown_section(path, title))
            continue
        for key, raw in parser.items(title):
            where = f"{path}, section [{title}], key {key}"
            at = (section, key)
            if at not in _catalogue():
                problems.append(_unknown_key(where, section, key))
                continue
            found = "a second time, in another spelling of the section" if at in given else ""
            given[at] = _file_value(where, path.parent, raw)
            found = found or _why_broken(raw)
            if found:
                expected = "each key once, its value on one line, quotes at both ends or none"
                problems.append(_problem(where, found, expected, "correct the line"))
    return given


def _why_broken(raw: str) -> str:
    if "\n" in raw:
        return "goes on in the next line, as that is indented"
    if raw[:1] in _QUOTES and (len(raw) == 1 or raw[-1] != raw[0]):
        return f"opens with {raw[0]} and does not end with it"
    return ""


def _file_value(where: str, folder: Path, raw: str) -> _Given:
    value = raw[1:-1] if raw[:1] in _QUOTES else raw
    fix = "correct the line, or leave the value blank for the default"
    return _Given(value, where, folder, fix, broken=bool(_why_broken(raw)))


@cache
def _sections() -> tuple[str, ...]:
    return tuple(dict.fromkeys(section for section, _ in _catalogue()))


def _unknown_section(path: Path, title: str) -> str:
    names = ", ".join(f"[{name}]" for name in _sections())
    where = f"{path}, section [{title}]"
    return _problem(where, "unknown section", f"one of {names}", _rename(title, _sections()))


def _unknown_key(where: str, section: str, key: str) -> str:
    keys = [k for s, k in _catalogue() if s == section]
    homes = [s for s, k in _catalogue() if k == key]
    step = f"move it to section [{homes[0]}], or remove it" if homes else _rename(key, keys)
    return _problem(where, "unknown key", f"one of {', '.join(keys)}", step)


# --- the environment --------------------------------------------------------------------


def _from_environ(environ: Mapping[str, str], cwd: Path, problems: list[str]) -> _Values:
    """What the variables say, blanks included; unknown ones that look meant are problems."""
    known = {info.env: at for at, (info, _, _) in _catalogue().items()}
    single = {env.replace(_JOINT, "_") for env in known}
    given: _Values = {}
    for name in sorted(environ):
        upper = name.upper()
        if name in known:
            section, key = known[name]
            where = f"environment variable {name} (section [{section}], key {key})"
            fix = "correct the variable, or unset it"
            given[known[name]] = _Given(environ[name], where, cwd, fix)
        elif upper.startswith(ENV_PREFIX) and (
            _JOINT in name or upper in single or (upper == ENV_CONFIG and name != ENV_CONFIG)
        ):
            step = _rename(name, [*known, ENV_CONFIG])
            expected = f"{ENV_PREFIX}SECTION{_JOINT}KEY, as docs/settings.md lists them"
            where = f"environment variable {name}"
            problems.append(_problem(where, "unknown setting", expected, step))
    return given


def set_in_environment(environ: Mapping[str, str] | None = None) -> list[str]:
    """The variables that set something, by name; a blank one is the default."""
    given = _from_environ(os.environ if environ is None else environ, Path(), [])
    return [_catalogue()[at][0].env for at, entry in given.items() if entry.value.strip()]


# --- together ---------------------------------------------------------------------------


def _absolute(text: str, base: Path) -> Path:
    """The path from `base`; `~` is the home folder, and links are left as they are."""
    path = Path(text)
    with suppress(RuntimeError):  # `~nobody` is a plain name, as it is to a shell
        path = path.expanduser()
    return Path(os.path.abspath(base / path))


def _complete(given: _Values, cwd: Path) -> _Values:
    """Drop what is blank (it means the default), and make local paths absolute."""
    complete: _Values = {}
    for at, (info, _, _) in _catalogue().items():
        entry = given.get(at)
        if entry is None or not entry.value.strip():
            if not info.local:
                continue
            if not info.default:
                continue
            where = f"section [{info.section}], key {info.key} (default)"
            entry = _Given(info.default, where, cwd, _how_to_set(info))
        if info.local and not _SCHEME.match(entry.value):
            entry = replace(entry, value=str(_absolute(entry.value, entry.base)))
        complete[at] = entry
    return complete


def _how_to_set(info: SettingInfo) -> str:
    return f"set {info.key} in section [{info.section}] of {CONFIG_NAME}, or {info.env}"


_OTHER_LOGINS: Final = (
    ("CLUSTER", "SECRET_ARN"),
    ("CLUSTER", "CLUSTER_ID"),
    ("CLUSTER", "WORKGROUP"),
)


def _cluster_problems(given: _Values, source: Path | None) -> Iterator[str]:
    """With a host, what the cluster needs besides: a login, a role, and a lake it can reach."""
    if ("CLUSTER", "HOST") not in given:
        return
    else_duckdb = "; or leave HOST blank to work on DuckDB"
    ways = [at for at in _OTHER_LOGINS if at in given]
    if ways and ("CLUSTER", "DB_PASSWORD") in given:
        ways = [("CLUSTER", "DB_PASSWORD"), *ways]
    if len(ways) > 1:
        names = " and ".join(key for _, key in ways)
        step = "keep the one that fits your cluster, and blank the others"
        yield _problem(given[ways[1]].where, f"{names} are both set", "one way to log in", step)
    needed = [("IAM_ROLE", "ARN")]
    if not ways:
        needed = [("CLUSTER", "DB_USER"), ("CLUSTER", "DB_PASSWORD"), *needed]
    for at in needed:
        if at not in given:
            info = _catalogue()[at][0]
            where = f"{source or CONFIG_NAME}, section [{info.section}], key {info.key}"
            expected = f"{info.expected}, as HOST names a cluster"
            other = " (or SECRET_ARN, CLUSTER_ID or WORKGROUP)" if at[0] == "CLUSTER" else ""
            yield _problem(where, "blank", expected, _how_to_set(info) + other + else_duckdb)
    for at, entry in given.items():
        if at[0] == "S3" and not entry.broken and not _SCHEME.match(entry.value):
            info = _catalogue()[at][0]
            expected = "an s3:// URI, as HOST names a cluster and Redshift reads no local folder"
            step = _how_to_set(info) + else_duckdb
            yield _problem(entry.where, _shown(info, entry.value), expected, step)


def staging_problem(lake: LakeSettings) -> str | None:
    """Why the staging area may not lie where it does: what is in it is taken for ours, and removed.

    Below the logs or the songs it must be hidden, or its files were taken for data.
    """
    if not lake.staging_prefix:
        return None
    area = f"{lake.staging_prefix.rstrip('/')}/"
    for key, place in (
        ("LOG_DATA", lake.log_data),
        ("SONG_DATA", lake.song_data),
        ("LOG_JSONPATH", lake.log_jsonpath),
    ):
        data = f"{place.rstrip('/')}/"
        if data.startswith(area):
            return f"{key} lies in it"
        below = area.removeprefix(data)
        if below != area and not any(part[:1] in ("_", ".") for part in below.split("/")):
            return f"it lies in {key}, where its files would be taken for data"
    return None


def _staging_problems(settings: Settings, given: _Values) -> Iterator[str]:
    if settings.engine == "redshift" and (found := staging_problem(settings.s3)):
        info, at = _catalogue()["S3", "STAGING"][0], given.get(("S3", "STAGING"))
        where = at.where if at else f"section [S3], key {info.key} (default)"
        expected = "a prefix of its own, such as s3://bucket/_sparkify_staging"
        yield _problem(where, found, expected, _how_to_set(info))


def _queue_problems(settings: Settings, given: _Values) -> Iterator[str]:
    lake = settings.s3
    if lake.queue and not any(
        place.startswith("s3://") for place in (lake.log_data, lake.song_data, lake.log_jsonpath)
    ):
        info, entry = _catalogue()["S3", "QUEUE"][0], given["S3", "QUEUE"]
        found = "set, and no part of the lake is in S3"
        yield _problem(entry.where, found, "blank for a lake in folders", _how_to_set(info))


def _value_problems(error: ValidationError, given: _Values) -> Iterator[str]:
    """The values that are not what they must be, each once, in words of our own."""
    seen: set[tuple[str, str]] = set()
    for detail in error.errors(include_url=False, include_input=False):
        at = _blamed(detail["loc"])
        if at in seen:
            continue
        seen.add(at)
        info, entry = _catalogue()[at][0], given[at]
        whole_section = len(detail["loc"]) == 1
        expected = detail["msg"].removeprefix("Value error, ") if whole_section else info.expected
        yield _problem(entry.where, _shown(info, entry.value), expected, entry.fix)


def _blamed(loc: tuple[int | str, ...]) -> tuple[str, str]:
    """Section and key of an error; the one rule about a whole section blames [DAYS] LAST."""
    section, key = (str(part).upper() for part in (*loc, "last")[:2])
    return section, "SCHEMA" if key == "SCHEMA_NAME" else key


def load_settings(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Read the configuration file and the environment, and check what they say together.

    The file is `config`, else the one `SPARKIFY_CONFIG` names, else `dwh.cfg` in the current
    folder if it is there, else none. A variable such as `SPARKIFY_DAYS__FIRST` overrides the
    file. A blank value, in either, is the default. A relative path starts from the file's
    folder if the file gives it, else from the current folder.

    Args:
        config: The configuration file; it must exist.
        environ: The environment; by default this process's.
        cwd: The current folder; by default this process's.

    Returns:
        The settings, with absolute paths and the file that was read as `source`.

    Raises:
        SettingsError: Something is unknown, malformed, missing or out of range; the
            message lists all of it, and never a secret.
    """
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else Path(os.path.abspath(cwd))
    source = _choose_file(config, environ, cwd)
    problems: list[str] = []
    in_file = _from_file(source, problems) if source else {}
    in_environ = _from_environ(environ, cwd, problems)
    given = _complete({**in_file, **in_environ}, cwd)
    settings = _validated(given, source, problems)
    problems += _cluster_problems(given, source)
    if settings is not None:
        problems += _staging_problems(settings, given)
        problems += _queue_problems(settings, given)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def _validated(given: _Values, source: Path | None, problems: list[str]) -> Settings | None:
    tree: dict[str, dict[str, str]] = {}
    for at, entry in given.items():
        if not entry.broken:
            _, section, key = _catalogue()[at]
            tree.setdefault(section, {})[key] = entry.value
    try:
        return Settings.model_validate({**tree, "source": source})
    except ValidationError as error:
        problems += _value_problems(error, given)
        return None
