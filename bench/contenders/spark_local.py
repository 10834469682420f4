"""PySpark on this machine: the platform's SELECTs in Spark SQL, the five tables as Parquet."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.lake import EVENT_FIELDS, SONG_FIELDS, STAR, arguments

NAMES = {
    "firstName": "first_name", "lastName": "last_name", "itemInSession": "item_in_session",
    "sessionId": "session_id", "userAgent": "user_agent", "userId": "user_id",
}  # fmt: skip


def session(out: Path) -> SparkSession:
    """A Spark in this process's child, with nothing of it outside the folder."""
    return (
        SparkSession.builder.master("local[*]")
        .appName("bench")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.driver.memory", "6g")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.warehouse.dir", str(out / "spark"))
        .config("spark.local.dir", str(out / "spark-local"))
        .getOrCreate()
    )


def read(spark: SparkSession, folder: Path, fields: dict[str, str]) -> DataFrame:
    """The records below a folder."""
    types = {"VARCHAR": "STRING"}
    schema = ", ".join(f"{name} {types.get(kind, kind)}" for name, kind in fields.items())
    return spark.read.schema(schema).option("recursiveFileLookup", "true").json(str(folder))


def events(spark: SparkSession, lake: Path) -> DataFrame:
    """The staged events."""
    day = f.regexp_extract(f.input_file_name(), r".*/(\d{4}-\d{2}-\d{2})", 1)
    read_in = read(spark, lake / "log_data", EVENT_FIELDS).withColumn("log_date", day.cast("date"))
    return read_in.withColumnsRenamed(NAMES).withColumns(
        {
            "ts": f.timestamp_millis("ts"),
            "user_id": f.nullif(f.col("user_id"), f.lit("")).cast("bigint"),
        }
    )


def spark_text(name: str) -> str:
    """A SELECT of the platform as Spark reads it: its Sunday is 1, not 0."""
    relations = {table: f"`{table}`" for table in sql.relations()} | sql.NO_NAMES
    text = sql.select(name, relations).replace("DOUBLE PRECISION", "DOUBLE")
    return re.sub(r"EXTRACT\(DOW FROM [^)]*\)", r"(\g<0> - 1)", text)


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        raise SystemExit("no Java on this machine")
    lake, out = arguments()
    clock = Clock()
    with clock.step("start"):
        spark = session(out)
    with clock.step("staging"):
        staged = {
            "staging_songs_table": read(spark, lake / "song_data", SONG_FIELDS),
            "staging_events_table": events(spark, lake),
        }
        for name, frame in staged.items():
            # Read once, as the other contenders do; every table below asks for it again.
            frame.cache().createOrReplaceTempView(name)
            frame.count()
    for name in STAR:
        with clock.step(name):
            path = str(out / f"{name}.parquet")
            spark.sql(spark_text(name)).write.parquet(path)
            spark.read.parquet(path).createOrReplaceTempView(name)
    gateway = spark.sparkContext._gateway
    spark.stop()
    clock.tell()
    gateway.shutdown()
    # Waited for, so that its memory counts as this process's.
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    main()
