"""What the tests of settings write into files, and how they ask for problems."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sparkify_dagster.settings import Settings, SettingsError

ROOT = Path(__file__).parents[3]
SECRET = "s3cr3t%pass"
REDSHIFT = f"""\
[CLUSTER]
HOST='dwh.abc.eu-west-1.redshift.amazonaws.com'
DB_NAME="dwh"
DB_USER=loader
DB_PASSWORD='{SECRET}'
DB_PORT=5440
[IAM_ROLE]
ARN='arn:aws:iam::123456789012:role/dwhRole'
[S3]
LOG_DATA='s3://udacity-dend/log_data'
LOG_JSONPATH='s3://udacity-dend/log_json_path.json'
SONG_DATA=s3://udacity-dend/song_data
"""
Load = Callable[..., Settings]


def problems(load: Load, text: str | None = None, **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    return caught.value.problems
