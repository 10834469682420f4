"""Dagster's private parts that we use, all of them here: what to look at when it is upgraded.

What belongs here: imports of `dagster._…`, and asking what only they know. Why each is needed is
said where it is used: runs of a process of our own (`instance`), its history (`history`,
`retention`, `printed`), runs whose process is gone (`liveness`, `sensors.lost_runs`), assets that a
run publishes late (`events`).
"""

# ruff: noqa: F401
from typing import TYPE_CHECKING, Any

from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.instance import InstanceRef
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import SensorInstigatorData
from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_run_id
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient


def grpc_client(**where: Any) -> "DagsterGrpcClient":
    """Asks a code server; gRPC is imported only then, when a run is in doubt."""
    from dagster._grpc.client import DagsterGrpcClient

    return DagsterGrpcClient(**where)


_shown_here: set[bool] = set()


def is_looked_at() -> bool:
    """Whether definitions are loaded to be shown, and not once more for a run.

    A code server loads them again as if for a run, after it has loaded them to be shown.
    """
    _shown_here.add(DefinitionsLoadContext.get().load_type is DefinitionsLoadType.INITIALIZATION)
    return True in _shown_here
