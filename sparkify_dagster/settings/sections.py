"""The settings themselves: each one's type, default, range and meaning, declared once.

Everything else follows from a field: section `[DAYS]` and key `FIRST` of the file, variable
`SPARKIFY_DAYS__FIRST`, the row in `docs/settings.md`. Whoever works by a setting is handed its
section. What belongs here: fields, and what follows from the fields of one section. What does not:
where a value comes from (`file`, `environment`), what sections must be together (`rules`).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from sparkify_dagster.settings import values as v
from sparkify_dagster.settings.values import Decides, Expected

_STAGING: Final = "_sparkify_staging"
BESIDE: Final = "_env_"
"""Between the name of production's schema, or file, and that of an environment."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_by_name=True,
        regex_engine="python-re",
    )


class Section(_Frozen):
    """A section of the file: each field has a default and, in its class's docstring, a meaning."""


class ClusterSettings(Section):
    """Section `[CLUSTER]`: the Redshift cluster; without a host there is none.

    Attributes:
        host: Host name of the Redshift cluster or workgroup. Blank: work on DuckDB.
        db_name: Database on the cluster.
        db_user: User to log in as.
        db_password: Password of that user; never shown.
        db_port: Port of the cluster.
        secret_arn: Secret in Secrets Manager with user and password, instead of DB_USER and
            DB_PASSWORD.
        cluster_id: Provisioned cluster to log in to with IAM, instead of a password.
        workgroup: Serverless workgroup to log in to with IAM, instead of a password.
        sslmode: How the connection is secured; less than verify-full trusts whoever answers.
        sslrootcert: Root certificates to trust. Blank: those of the certifi package, Amazon's among
            them.
        connect_timeout: Seconds to wait for a connection.
        statement_timeout: Seconds one statement may take, waiting in Redshift's queue included. 0:
            no limit.
        reader: Database role that is granted reading of all tables. Blank: nobody is.
    """

    host: v.HostName = ""
    db_name: Annotated[str, Expected("the name of a database")] = "dev"
    db_user: Annotated[str, Expected("the name of a database user")] = ""
    db_password: Annotated[SecretStr, Expected("a password")] = SecretStr("")
    db_port: v.Port = 5439
    secret_arn: v.SecretArn = ""
    cluster_id: Annotated[str, Expected("the identifier of a cluster")] = ""
    workgroup: Annotated[str, Expected("the name of a workgroup")] = ""
    sslmode: v.SslMode = "verify-full"
    sslrootcert: Annotated[Path | None, v.Local, Expected("the path of a local PEM file")] = None
    connect_timeout: v.Timeout = 20
    statement_timeout: v.TimeoutOrNone = 3600
    reader: Annotated[str, Expected("the name of a role (CREATE ROLE)")] = ""

    @property
    def location(self) -> str:
        """Host, port and database, as a person would write them."""
        return f"{self.host}:{self.db_port}/{self.db_name}"


class IamRoleSettings(Section):
    """Section `[IAM_ROLE]`: the role with which the cluster reads the lake.

    Attributes:
        arn: Role the cluster assumes to read the lake (`COPY`). Chained roles: joined by commas.
    """

    arn: v.CopyRole = ""


class LakeSettings(Section):
    """Section `[S3]`: where the lake is; each an `s3://` URI or an absolute local path.

    Attributes:
        log_data: The user-activity logs.
        log_jsonpath: The JSONPaths document that maps log fields to columns.
        song_data: The song catalogue.
        follow_links: Follow symbolic links in a lake in folders wherever they lead. `no`: only
            within LOG_DATA or SONG_DATA; whoever may write there could else have us read any file
            that we may.
        staging: Where manifests and packed records for Redshift's COPY are written, and removed
            again. Blank: _sparkify_staging in the bucket of LOG_DATA.
        endings: What the names of logs and songs end in, in any case, plain or with .gz behind it.
            Others are told and not read. *: any name, for deliveries without an ending.
        aliases: NDJSON document of {"song": …, "artist": …, "song_id": …}: the song that plays of
            this title and artist mean. Blank: there is none.
        forgotten: Document of user ids, one a line (# begins a comment): events of these people
            are in no table. Blank: there is none.
        queue: SQS queue with the events of the lake's buckets, for the sensor. Blank: it lists
            instead.
    """

    log_data: Annotated[v.LakeFolder, Decides("logs")] = "data/lake/log_data"
    log_jsonpath: Annotated[v.LakeObject, Decides("logs")] = "data/lake/log_json_path.json"
    song_data: Annotated[v.LakeFolder, Decides("songs")] = "data/lake/song_data"
    follow_links: Annotated[v.YesNo, Decides("lake")] = False
    staging: v.S3Prefix = ""
    endings: Annotated[v.Endings, Decides("lake")] = ".json .jsonl .ndjson"
    aliases: Annotated[v.OptionalObject, Decides("plays")] = ""
    forgotten: Annotated[v.OptionalObject, Decides("logs")] = ""
    queue: v.QueueUrl = ""

    @property
    def places(self) -> dict[str, str]:
        """The places of the lake by their keys; of documents that are optional, those there are."""
        held = {"LOG_DATA": self.log_data, "SONG_DATA": self.song_data}
        optional = {"ALIASES": self.aliases, "FORGOTTEN": self.forgotten}
        held |= {"LOG_JSONPATH": self.log_jsonpath}
        return held | {key: place for key, place in optional.items() if place}

    @property
    def staging_prefix(self) -> str:
        """Where COPY's files are written; blank when nothing says where."""
        if self.staging or not v.in_s3(self.log_data):
            return self.staging
        return f"{v.S3}{self.log_data.split('/')[2]}/{_STAGING}"


class AwsSettings(Section):
    """Section `[AWS]`: how S3 and the other services are reached.

    Attributes:
        profile: Profile of the AWS configuration. Blank: the usual chain of credentials.
        region: Region of the services. Blank: the profile's.
        endpoint_url: Another address of the services, for tests and look-alikes.
        role_arn: Role that this program assumes for all it asks of AWS. Blank: none.
        max_attempts: How often a request is tried in all.
    """

    profile: Annotated[str, Expected("the name of a profile")] = ""
    region: Annotated[str, Expected("a region, such as us-west-2")] = ""
    endpoint_url: v.Endpoint = ""
    role_arn: v.AssumedRole = ""
    max_attempts: v.FromOne = 5


class DuckDBSettings(Section):
    """Section `[DUCKDB]`: the warehouse on one machine.

    Attributes:
        path: The database file.
        memory_limit: Memory DuckDB may use. Blank: its own default, 80 % of the machine's.
        threads: Threads DuckDB may use. 0: one for each core.
        lock_wait: Seconds to wait while another process writes.
        shared: Whether other accounts of the machine get what the umask gives them, when the file
            is made. `no`: nothing. Whoever may read it can hold it, too, and no load gets in
            meanwhile.
    """

    path: v.DatabaseFile = Path("data/warehouse.duckdb")
    memory_limit: v.Memory = ""
    threads: v.Count = 0
    lock_wait: v.Wait = 60.0
    shared: v.YesNo = False


class WarehouseSettings(Section):
    """Section `[WAREHOUSE]`: which of several states of the tables is meant.

    Attributes:
        environment: Environment to work in, made with `sparkify env create`; in lower case, with _
            for all that is no letter or digit. Blank: production.
    """

    environment: v.EnvironmentName = ""


class DaysSettings(Section):
    """Section `[DAYS]`: the log days the warehouse covers, both ends included.

    Attributes:
        first: First log day.
        last: Last log day. Blank: open, up to today in UTC or the latest day ever loaded.
    """

    first: Annotated[v.Day, Decides("logs")] = date(2018, 11, 1)
    last: Annotated[v.Day | None, Expected("a day as YYYY-MM-DD, or blank"), Decides("logs")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last and self.last < self.first:
            raise ValueError(f"a day not before FIRST, {self.first.isoformat()}")
        return self


class LoadSettings(Section):
    """Section `[LOAD]`: how loads behave and what is kept of them.

    Attributes:
        schema_name: Schema of all tables; lower case.
        reject_limit: Share of rejected records above which a day, or the song catalogue, fails.
        batch_mb: Megabytes of log objects, unpacked, that are published in one transaction, about;
            their rows are held in memory till then.
        object_mb: Megabytes that an object of the lake may hold, unpacked. Of a larger one nothing
            is read: its day, or the song load, fails.
        gzip_ratio: How many times as large as its gzip file an object of more than 16 MB may be
            (logs: 8 to 12); likewise.
        held_mb: Megabytes of memory that the rows and rejects of a log day, or of a song load, may
            take till they are published; likewise.
        most_rejects: Rejected records that a log day, or a song load, may have, whatever
            REJECT_LIMIT says; likewise.
        history_days: Days that `load_history` and the rejects of failed loads are kept.
        direct_copy: Let Redshift read log days itself (COPY). `no`: our reader reads them, which
            tells each row's object and line and counts unknown fields, and costs their way through
            here.
        hour_price: Dollars that the cluster costs for an hour awake, for the estimate that each
            load shows: its RPUs times the price of one, or a provisioned cluster's. 0: no estimate.
        run_days: Days that Dagster's run records are kept.
        preview_rows: Rows of each table shown in the Dagster UI after a load, personal data masked;
            0: none.
    """

    schema_name: v.SchemaName = Field("sparkify", validation_alias="schema")
    reject_limit: Annotated[v.Share, Decides("lake")] = 0.10
    batch_mb: v.FromOne = 512
    object_mb: Annotated[v.FromOne, Decides("lake")] = 1_024
    gzip_ratio: Annotated[v.FromOne, Decides("lake")] = 200
    held_mb: Annotated[v.FromOne, Decides("lake")] = 4_096
    most_rejects: Annotated[v.Count, Decides("lake")] = 1_000_000
    history_days: v.Days = 365
    direct_copy: Annotated[v.YesNo, Decides("logs")] = True
    hour_price: v.Price = 3.0
    run_days: v.Days = 90
    preview_rows: v.FewRows = 5


class SensorSettings(Section):
    """Section `[SENSOR]`: loads that start themselves.

    Attributes:
        enabled: Whether the sensor is on when `dagster dev` or the daemon starts.
        interval: Seconds between two looks at the lake. Local folders tell `sparkify watch` of
            changes besides, at once.
        list_every: Seconds between two listings where a QUEUE tells of changes: they find what it
            missed.
        load_every: Seconds from the end of a load to the next that starts itself, at least; what
            comes meanwhile is gathered. A workgroup of Redshift Serverless is paid for while it is
            awake. `sparkify etl` is not held up.
        attempts: How often a failing load is tried by itself before the lake or a person must
            change something.
        pause: Seconds before the second try; doubled for each one after.
    """

    enabled: v.YesNo = True
    interval: v.Interval = 30
    list_every: v.Interval = 900
    load_every: v.TimeoutOrNone = 0
    attempts: v.FromOne = 3
    pause: v.Wait = 60.0


class AlertsSettings(Section):
    """Section `[ALERTS]`: who is told when something goes wrong.

    Attributes:
        webhook: Webhook that is told what failed, what is given up, what is loaded again, and of
            staleness, in Slack's format; never shown, as it holds a token. Blank: nobody is told.
        stale_hours: Hours without a published load after which tables count as stale (the song
            catalogue, which changes seldom: 15 times as many). 0: never.
    """

    webhook: v.Webhook = SecretStr("")
    stale_hours: v.Hours = 48


class ReportSettings(Section):
    """Section `[REPORT]`: the page that shows what the tables say.

    Attributes:
        enabled: Whether a load that changed something writes the report anew.
        path: The file it is written to.
        shared: Whether other accounts of the machine get what the umask gives them, when it is
            written. `no`: nothing.
    """

    enabled: v.YesNo = True
    path: v.LocalFile = Path("data/report.html")
    shared: v.YesNo = False


class Settings(_Frozen):
    """Every setting, typed and frozen.

    Building one reads neither a file nor the environment (`load_settings` does), and only
    checks each section by itself: a test may pair a host with a local lake.

    Attributes:
        source: The configuration file that was read.
        production: The settings without the environment, where one is meant (`in_environment`).
    """

    cluster: ClusterSettings = ClusterSettings()
    iam_role: IamRoleSettings = IamRoleSettings()
    s3: LakeSettings = LakeSettings()
    aws: AwsSettings = AwsSettings()
    duckdb: DuckDBSettings = DuckDBSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    days: DaysSettings = DaysSettings()
    load: LoadSettings = LoadSettings()
    sensor: SensorSettings = SensorSettings()
    alerts: AlertsSettings = AlertsSettings()
    report: ReportSettings = ReportSettings()
    source: Path | None = None
    production: Settings | None = None

    def in_environment(self, name: str) -> Settings:
        """The settings of production for an environment beside it; no name: as they are.

        It is another schema on Redshift, another file on DuckDB. Nothing starts by itself in it,
        and nobody is alerted.
        """
        if not name:
            return self
        changed: dict[str, _Frozen] = {
            "production": self,
            "warehouse": WarehouseSettings(environment=name),
            "sensor": self.sensor.model_copy(update={"enabled": False}),
            "alerts": self.alerts.model_copy(update={"webhook": SecretStr("")}),
            "report": self.report.model_copy(update={"path": _beside(self.report.path, name)}),
        }
        if self.engine == "redshift":
            schema = f"{self.load.schema_name}{BESIDE}{name}"
            changed["load"] = self.load.model_copy(update={"schema_name": schema})
        else:
            path = _beside(self.duckdb.path, name)
            changed["duckdb"] = self.duckdb.model_copy(update={"path": path})
        return self.model_copy(update=changed)

    @property
    def engine(self) -> Literal["duckdb", "redshift"]:
        """The engine the settings select: Redshift as soon as there is a host."""
        return "redshift" if self.cluster.host else "duckdb"


def _beside(path: Path, name: str) -> Path:
    """The file of an environment, in place of one of production's."""
    return path.with_name(f"{path.stem}{BESIDE}{name}{path.suffix}")
