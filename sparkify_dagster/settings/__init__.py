"""The settings: `dwh.cfg` and the environment in, one typed and frozen object out.

No setting is read anywhere else in the package, be it from the environment or the file; what is no
setting, as DAGSTER_HOME and DISPLAY, the command line looks up itself. What belongs here: each
setting's type, default, range and meaning (`values`, `sections`, `catalogue`), where its value
comes from (`file`, `environment`, `load`), and the words for a bad one (`problems`, `rules`). What
does not: opening what a setting names (a folder, a bucket, a database); that is for the lake and
the warehouse. Importing this package reads nothing.
"""

from sparkify_dagster.settings.catalogue import (
    CONFIG_NAME,
    ENV_CONFIG,
    SettingInfo,
    describe_settings,
)
from sparkify_dagster.settings.environment import set_in_environment
from sparkify_dagster.settings.file import secrets_in
from sparkify_dagster.settings.load import load_settings
from sparkify_dagster.settings.problems import SettingsError
from sparkify_dagster.settings.rules import staging_problem
from sparkify_dagster.settings.sections import (
    AlertsSettings,
    AwsSettings,
    ClusterSettings,
    DaysSettings,
    DuckDBSettings,
    IamRoleSettings,
    LakeSettings,
    LoadSettings,
    ReportSettings,
    SensorSettings,
    Settings,
)
from sparkify_dagster.settings.values import in_s3

__all__ = [
    "CONFIG_NAME",
    "ENV_CONFIG",
    "AlertsSettings",
    "AwsSettings",
    "ClusterSettings",
    "DaysSettings",
    "DuckDBSettings",
    "IamRoleSettings",
    "LakeSettings",
    "LoadSettings",
    "ReportSettings",
    "SensorSettings",
    "SettingInfo",
    "Settings",
    "SettingsError",
    "describe_settings",
    "in_s3",
    "load_settings",
    "secrets_in",
    "set_in_environment",
    "staging_problem",
]
