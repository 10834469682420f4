"""What CloudFormation does and moto 5.2 does not, as far as `sparkify cluster` needs it.

What belongs here: mends of moto, within the process of its server. Serverless, which moto does not
know, has a name and the attributes that the template asks for, and nothing else.
"""

from __future__ import annotations

from typing import Any

from moto.cloudformation.models import ChangeSet, CloudFormationBackend
from moto.core.common_models import CloudFormationModel
from moto.ec2.models.route_tables import RouteTable
from moto.redshift.models import Cluster


def mend() -> None:
    """Mends moto; once, before its server starts."""
    _mend_change_sets()
    _mend_clusters()
    _know("AWS::RedshiftServerless::Namespace", "NamespaceName")
    _know("AWS::RedshiftServerless::Workgroup", "WorkgroupName")


def _mend_change_sets() -> None:
    """A stack made by a change set tells its outputs and its description.

    A second change set for a stack that was not made yet makes no second stack of that name;
    deleting one that is not there is no failure of the server.
    """
    apply, create = ChangeSet.apply, CloudFormationBackend.create_change_set
    delete = CloudFormationBackend.delete_change_set

    def applied(change_set: Any) -> None:
        apply(change_set)
        stack = change_set.stack
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.description = stack.template_dict.get("Description")
        stack.output_map = stack._create_output_map()
        stack.output_map._resource_map = stack.resource_map

    def created(backend: Any, stack_name: str, *words: Any, **more: Any) -> Any:
        for number, stack in list(backend.stacks.items()):
            if stack.name == stack_name and stack.status == "REVIEW_IN_PROGRESS":
                del backend.stacks[number]
        return create(backend, stack_name, *words, **more)

    def deleted(backend: Any, change_set_name: str) -> None:
        sets = backend.change_sets
        if any(change_set_name in (key, of.change_set_name) for key, of in sets.items()):
            delete(backend, change_set_name)

    ChangeSet.apply = applied  # type: ignore[method-assign]
    CloudFormationBackend.create_change_set = created  # type: ignore[method-assign]
    CloudFormationBackend.delete_change_set = deleted  # type: ignore[method-assign]


def _mend_clusters() -> None:
    """A cluster has the name and the address the template says; it, and routes, go with a stack."""
    before = Cluster.get_cfn_attribute

    def attribute(cluster: Any, name: str) -> Any:
        return cluster.address if name == "Endpoint.Address" else before(cluster, name)

    def delete(cluster: Any, *_: Any) -> None:
        name, backend = cluster.cluster_identifier, cluster.redshift_backend
        del backend.clusters[name]
        for snapshot in [key for key in backend.snapshots if key.startswith(f"rs:{name}-")]:
            del backend.snapshots[snapshot]  # Another cluster of that name makes it again.

    def delete_routes(table: Any, *_: Any) -> None:
        table.ec2_backend.route_tables.pop(table.id)

    RouteTable.delete = delete_routes  # type: ignore[attr-defined]
    Cluster.get_cfn_attribute = attribute  # type: ignore[method-assign]
    Cluster.cloudformation_name_type = staticmethod(lambda: "ClusterIdentifier")  # type: ignore[method-assign]
    Cluster.delete = delete  # type: ignore[attr-defined]


def _know(kind: str, name_property: str) -> None:
    """Has moto keep resources of a kind: it asks the direct heirs of its model."""

    def make(cls: Any, name: str, _: Any, account: str, region: str, **more: Any) -> Any:
        made = cls()
        made.physical_resource_id, made.place = name, (account, region)
        return made

    def attribute(made: Any, name: str) -> str:
        whose, where = made.physical_resource_id, ".".join(made.place)
        if name.endswith("Arn"):
            return (
                f"arn:aws:redshift-serverless:{made.place[1]}:{made.place[0]}:workgroup/{whose}-id"
            )
        return f"{whose}.{where}.redshift-serverless.amazonaws.com"

    type(
        kind,
        (CloudFormationModel,),
        {
            "cloudformation_type": staticmethod(lambda: kind),
            "cloudformation_name_type": staticmethod(lambda: name_property),
            "create_from_cloudformation_json": classmethod(make),
            "update_from_cloudformation_json": classmethod(
                lambda cls, original_resource, **_: original_resource
            ),
            "get_cfn_attribute": attribute,
            "delete": lambda *_: None,
        },
    )
