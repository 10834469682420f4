"""dbt on DuckDB: a model for each staging and star table, the SELECTs those of the platform."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.contenders import sql
from bench.contenders.clock import Clock
from bench.contenders.floor import events_of
from bench.contenders.lake import STAR, arguments, files

PROFILE = {
    "target": "bench",
    "outputs": {
        "bench": {
            "type": "duckdb",
            "schema": "sparkify",
            "threads": os.cpu_count(),
            "settings": {
                "TimeZone": "UTC",
                "integer_division": True,
                "default_null_order": "nulls_last_on_asc_first_on_desc",
                "preserve_insertion_order": False,
            },
        }
    },
}
PROJECT = {
    "name": "bench",
    "version": "1.0",
    "profile": "bench",
    "models": {"bench": {"+materialized": "table"}},
    "flags": {"send_anonymous_usage_stats": False},
}


def write_project(lake: Path, out: Path) -> Path:
    """Writes a dbt project into a folder (JSON is YAML, too); gives its path."""
    folder = out / "dbt"
    models = folder / "models"
    models.mkdir(parents=True)
    outputs = PROFILE["outputs"]["bench"] | {"path": str(out / "warehouse.duckdb")}
    profile = {"bench": PROFILE | {"outputs": {"bench": outputs}}}
    (folder / "profiles.yml").write_text(json.dumps(profile))
    (folder / "dbt_project.yml").write_text(json.dumps(PROJECT))
    songs = f"SELECT * FROM read_json('{lake}/song_data/**/*.json')"
    staged = {
        "staging_songs_table": songs,
        "staging_events_table": events_of(files(lake / "log_data")),
    }
    # Braces stand for types in the reader's options: they are no templates.
    raw = {name: f"{{% raw %}}{text}{{% endraw %}}" for name, text in staged.items()}
    references = {name: f"{{{{ ref('{name}') }}}}" for name in sql.relations()} | sql.NO_NAMES
    star = {name: sql.select(name, references) for name in STAR}
    for name, text in (raw | star).items():
        (models / f"{name}.sql").write_text(text)
    return folder


def main() -> None:
    """Makes the five tables of the lake named on the command line."""
    os.environ["DO_NOT_TRACK"] = "1"
    from dbt.cli.main import dbtRunner

    lake, out = arguments()
    folder = str(write_project(lake, out))
    clock = Clock()
    words = ["run", "--project-dir", folder, "--profiles-dir", folder, "--quiet"]
    result = dbtRunner().invoke(words)
    if not result.success:
        raise SystemExit(f"dbt failed: {result.exception or result.result}")
    clock.tell()


if __name__ == "__main__":
    main()
