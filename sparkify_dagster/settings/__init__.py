"""The settings: `dwh.cfg` and the environment in, one typed and frozen object out.

What belongs here: each setting's type, default, range and meaning, where its value comes from, the
words for a bad one. No setting is read anywhere else; what is none, as DAGSTER_HOME and DISPLAY,
the command line looks up itself. What does not: opening what a setting names (a folder, a bucket, a
database). Importing this package reads nothing.
"""

from sparkify_dagster.settings.catalogue import (
    CONFIG_NAME,
    ENV_CONFIG,
    SettingInfo,
    deciding,
    describe_settings,
)
from sparkify_dagster.settings.environment import set_in_environment
from sparkify_dagster.settings.file import secrets_in
from sparkify_dagster.settings.load import load_settings
from sparkify_dagster.settings.problems import SettingsError, staging_problem
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
    WarehouseSettings,
)
from sparkify_dagster.settings.values import environment_name, in_s3

__all__ = [
    "CONFIG_NAME", "ENV_CONFIG", "AlertsSettings", "AwsSettings", "ClusterSettings",
    "DaysSettings", "DuckDBSettings", "IamRoleSettings", "LakeSettings", "LoadSettings",
    "ReportSettings", "SensorSettings", "SettingInfo", "Settings", "SettingsError",
    "WarehouseSettings", "deciding", "describe_settings", "environment_name", "in_s3",
    "load_settings", "secrets_in", "set_in_environment", "staging_problem",
]  # fmt: skip
