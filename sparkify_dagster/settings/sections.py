"""The settings themselves: each one's type, default, range and meaning, declared once.

Everything else follows from a field: section `[DAYS]` and key `FIRST` of the file, variable
`SPARKIFY_DAYS__FIRST`, the row in `docs/settings.md`. Whoever works by a setting is handed its
section. What belongs here: fields, and what follows from the fields of one section. What does not:
where a value comes from (`file`, `environment`), what sections must be together (`rules`).
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from sparkify_dagster.settings import values as v
from sparkify_dagster.settings.values import Expected

_STAGING: Final = "_sparkify_staging"


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_by_name=True
    )


class Section(_Frozen):
    """A section of the file: each field has a default, a description and what is expected."""


class ClusterSettings(Section):
    """Section `[CLUSTER]`: the Redshift cluster; without a host there is none."""

    host: v.HostName = Field(
        "", description="Host name of the Redshift cluster or workgroup. Blank: work on DuckDB."
    )
    db_name: Annotated[str, Expected("the name of a database")] = Field(
        "dev", description="Database on the cluster."
    )
    db_user: Annotated[str, Expected("the name of a database user")] = Field(
        "", description="User to log in as."
    )
    db_password: Annotated[SecretStr, Expected("a password")] = Field(
        SecretStr(""), description="Password of that user; never shown."
    )
    db_port: v.Port = Field(5439, description="Port of the cluster.")
    secret_arn: v.SecretArn = Field(
        "",
        description="Secret in Secrets Manager with user and password, instead of DB_USER and "
        "DB_PASSWORD.",
    )
    cluster_id: Annotated[str, Expected("the identifier of a cluster")] = Field(
        "", description="Provisioned cluster to log in to with IAM, instead of a password."
    )
    workgroup: Annotated[str, Expected("the name of a workgroup")] = Field(
        "", description="Serverless workgroup to log in to with IAM, instead of a password."
    )
    sslmode: v.SslMode = Field(
        "verify-full",
        description="How the connection is secured; less than verify-full trusts whoever answers.",
    )
    sslrootcert: Annotated[Path | None, v.Local, Expected("the path of a local PEM file")] = Field(
        None,
        description="Root certificates to trust. Blank: those of the certifi package, Amazon's "
        "among them.",
    )
    connect_timeout: v.Timeout = Field(20, description="Seconds to wait for a connection.")
    statement_timeout: v.TimeoutOrNone = Field(
        3600,
        description="Seconds one statement may take, waiting in Redshift's queue included. 0: no "
        "limit.",
    )
    reader: Annotated[str, Expected("the name of a role (CREATE ROLE)")] = Field(
        "", description="Database role that is granted reading of all tables. Blank: nobody is."
    )

    @property
    def location(self) -> str:
        """Host, port and database, as a person would write them."""
        return f"{self.host}:{self.db_port}/{self.db_name}"


class IamRoleSettings(Section):
    """Section `[IAM_ROLE]`: the role with which the cluster reads the lake."""

    arn: v.CopyRole = Field(
        "",
        description="Role the cluster assumes to read the lake (`COPY`). Chained roles: joined by "
        "commas.",
    )


class LakeSettings(Section):
    """Section `[S3]`: where the lake is; each an `s3://` URI or an absolute local path."""

    log_data: v.LakeFolder = Field("data/lake/log_data", description="The user-activity logs.")
    log_jsonpath: v.LakeObject = Field(
        "data/lake/log_json_path.json",
        description="The JSONPaths document that maps log fields to columns.",
    )
    song_data: v.LakeFolder = Field("data/lake/song_data", description="The song catalogue.")
    follow_links: v.YesNo = Field(
        False,
        description="Follow symbolic links in a lake in folders wherever they lead. `no`: only "
        "within LOG_DATA or SONG_DATA; whoever may write there could else have us read any file "
        "that we may.",
    )
    staging: v.S3Prefix = Field(
        "",
        description="Where manifests and packed records for Redshift's COPY are written, and "
        f"removed again. Blank: {_STAGING} in the bucket of LOG_DATA.",
    )
    endings: v.Endings = Field(
        ".json .jsonl .ndjson",
        description="What the names of logs and songs end in, in any case, plain or with .gz "
        "behind it. Others are told and not read. *: any name, for deliveries without an ending.",
    )
    queue: v.QueueUrl = Field(
        "",
        description="SQS queue with the events of the lake's buckets, for the sensor. Blank: it "
        "lists instead.",
    )

    @property
    def places(self) -> dict[str, str]:
        """The three places of the lake by their keys."""
        held = {"LOG_DATA": self.log_data, "SONG_DATA": self.song_data}
        return held | {"LOG_JSONPATH": self.log_jsonpath}

    @property
    def staging_prefix(self) -> str:
        """Where COPY's files are written; blank when nothing says where."""
        if self.staging or not v.in_s3(self.log_data):
            return self.staging
        return f"{v.S3}{self.log_data.split('/')[2]}/{_STAGING}"


class AwsSettings(Section):
    """Section `[AWS]`: how S3 and the other services are reached."""

    profile: Annotated[str, Expected("the name of a profile")] = Field(
        "", description="Profile of the AWS configuration. Blank: the usual chain of credentials."
    )
    region: Annotated[str, Expected("a region, such as us-west-2")] = Field(
        "", description="Region of the services. Blank: the profile's."
    )
    endpoint_url: v.Endpoint = Field(
        "", description="Another address of the services, for tests and look-alikes."
    )
    role_arn: v.AssumedRole = Field(
        "", description="Role that this program assumes for all it asks of AWS. Blank: none."
    )
    max_attempts: v.FromOne = Field(5, description="How often a request is tried in all.")


class DuckDBSettings(Section):
    """Section `[DUCKDB]`: the warehouse on one machine."""

    path: v.DatabaseFile = Field(Path("data/warehouse.duckdb"), description="The database file.")
    memory_limit: v.Memory = Field(
        "", description="Memory DuckDB may use. Blank: its own default, 80 % of the machine's."
    )
    threads: v.Count = Field(0, description="Threads DuckDB may use. 0: one for each core.")
    lock_wait: v.Wait = Field(60.0, description="Seconds to wait while another process writes.")
    shared: v.YesNo = Field(
        False,
        description="Whether other accounts of the machine get what the umask gives them, when the "
        "file is made. `no`: nothing. Whoever may read it can hold it, too, and no load gets in "
        "meanwhile.",
    )


class DaysSettings(Section):
    """Section `[DAYS]`: the log days the warehouse covers, both ends included."""

    first: v.Day = Field(date(2018, 11, 1), description="First log day.")
    last: Annotated[v.Day | None, Expected("a day as YYYY-MM-DD, or blank")] = Field(
        None,
        description="Last log day. Blank: open, up to today in UTC or the latest day ever loaded.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last and self.last < self.first:
            raise ValueError(f"a day not before FIRST, {self.first.isoformat()}")
        return self


class LoadSettings(Section):
    """Section `[LOAD]`: how loads behave and what is kept of them."""

    schema_name: v.SchemaName = Field(
        "sparkify", description="Schema of all tables; lower case.", validation_alias="schema"
    )
    reject_limit: v.Share = Field(
        0.10,
        description="Share of rejected records above which a day, or the song catalogue, fails.",
    )
    batch_mb: v.FromOne = Field(
        512,
        description="Megabytes of log objects, unpacked, that are published in one transaction, "
        "about; their rows are held in memory till then.",
    )
    object_mb: v.FromOne = Field(
        1_024,
        description="Megabytes that an object of the lake may hold, unpacked. Of a larger one "
        "nothing is read: its day, or the song load, fails.",
    )
    gzip_ratio: v.FromOne = Field(
        200,
        description="How many times as large as its gzip file an object of more than 16 MB may be "
        "(logs: 8 to 12); likewise.",
    )
    held_mb: v.FromOne = Field(
        4_096,
        description="Megabytes of memory that the rows and rejects of a log day, or of a song "
        "load, may take till they are published; likewise.",
    )
    most_rejects: v.Count = Field(
        1_000_000,
        description="Rejected records that a log day, or a song load, may have, whatever "
        "REJECT_LIMIT says; likewise.",
    )
    history_days: v.Days = Field(
        365, description="Days that `load_history` and the rejects of failed loads are kept."
    )
    direct_copy: v.YesNo = Field(
        True,
        description="Let Redshift read log days itself (COPY). `no`: our reader reads them, which "
        "tells each row's object and line and counts unknown fields, and costs their way through "
        "here.",
    )
    run_days: v.Days = Field(90, description="Days that Dagster's run records are kept.")
    preview_rows: v.FewRows = Field(
        5,
        description="Rows of each table shown in the Dagster UI after a load, personal data "
        "masked; 0: none.",
    )


class SensorSettings(Section):
    """Section `[SENSOR]`: loads that start themselves."""

    enabled: v.YesNo = Field(
        True, description="Whether the sensor is on when `dagster dev` or the daemon starts."
    )
    interval: v.Interval = Field(30, description="Seconds between two looks at the lake.")
    list_every: v.Interval = Field(
        900,
        description="Seconds between two listings where a QUEUE tells of changes: they find what "
        "it missed.",
    )
    attempts: v.FromOne = Field(
        3,
        description="How often a failing load is tried by itself before the lake or a person must "
        "change something.",
    )
    pause: v.Wait = Field(
        60.0, description="Seconds before the second try; doubled for each one after."
    )


class AlertsSettings(Section):
    """Section `[ALERTS]`: who is told when something goes wrong."""

    webhook: v.Webhook = Field(
        SecretStr(""),
        description="Webhook that is told what failed, what is given up, what is loaded again, and "
        "of staleness, in Slack's format; never shown, as it holds a token. Blank: nobody is told.",
    )
    stale_hours: v.Hours = Field(
        48,
        description="Hours without a published load after which tables count as stale (the song "
        "catalogue, which changes seldom: 15 times as many). 0: never.",
    )


class ReportSettings(Section):
    """Section `[REPORT]`: the page that shows what the tables say."""

    enabled: v.YesNo = Field(
        True, description="Whether a load that changed something writes the report anew."
    )
    path: v.LocalFile = Field(Path("data/report.html"), description="The file it is written to.")
    shared: v.YesNo = Field(
        False,
        description="Whether other accounts of the machine get what the umask gives them, when it "
        "is written. `no`: nothing.",
    )


class Settings(_Frozen):
    """Every setting, typed and frozen.

    Building one reads neither a file nor the environment (`load_settings` does), and only
    checks each section by itself: a test may pair a host with a local lake.
    """

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

    @property
    def engine(self) -> Literal["duckdb", "redshift"]:
        """The engine the settings select: Redshift as soon as there is a host."""
        return "redshift" if self.cluster.host else "duckdb"
