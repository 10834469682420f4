"""`sparkify cluster`: from an AWS account to a `dwh.cfg`, and back.

What belongs here: what is shown, asked and written. What is made is the template's affair, what is
done in which state `cluster.decide`'s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from sparkify_dagster.cli.console import grid, near, offer, print_json, say, show, title
from sparkify_dagster.cli.console import warn as warn_of
from sparkify_dagster.cli.errors import FAILED
from sparkify_dagster.cli.watching import watching
from sparkify_dagster.cluster import beside, decide, stack
from sparkify_dagster.cluster.cloud import Cloud
from sparkify_dagster.cluster.config import config_text
from sparkify_dagster.cluster.cost import Cost, cost, prices
from sparkify_dagster.cluster.decide import Stack
from sparkify_dagster.cluster.template import (
    ClusterError,
    defaults,
    require_good,
    require_name,
    resources,
    template,
)
from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.core.local_files import replacing
from sparkify_dagster.core.text import count, printable
from sparkify_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed.

    Attributes:
        given: Parameters of the template, as far as they were typed.
    """

    name: str
    region: str
    given: Mapping[str, str]


def asked(name: str, region: str, pairs: Sequence[str], provisioned: bool, bucket: str) -> Asked:
    """What was typed, checked as far as that can be done without an account.

    Raises:
        ClusterError: AWS would not take it.
    """
    require_name(name)
    given = {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found:
            raise typer.BadParameter(f"{key!r} is no NAME=VALUE.", param_hint="'--set'")
        given[key] = value
    if provisioned:
        given["Warehouse"] = "provisioned"
    if bucket:
        given["LakeBucket"] = bucket.removeprefix("s3://").rstrip("/")
    require_good(given)
    return Asked(name, region, given)


def run_plan(what: Asked, own_prices: Path | None, *, as_json: bool) -> None:
    """Says what would be made and what it costs; asks nobody."""
    chosen = {**defaults(), **what.given}
    costs = cost(chosen, prices(own_prices))
    if as_json:
        made = [asdict(each) for each in resources(chosen)]
        print_json({"name": what.name, "parameters": chosen, "resources": made,
                    "cost": asdict(costs) | {"most_month": costs.most_month}})  # fmt: skip
        return
    _show_plan(what.name, chosen, costs)
    say()
    options = "".join(f" --set {key}={value}" for key, value in what.given.items())
    offer(f"Make it: `sparkify cluster create {what.name}{options}`.")


def _show_plan(name: str, chosen: Mapping[str, str], costs: Cost) -> None:
    made = resources(chosen)
    title(f"{name}: what is made")
    table = grid("what", "kind", "what it is for")
    for each in made:
        if each.purpose:
            table.add_row(each.name, each.kind.removeprefix("AWS::"), each.purpose)
    show(table)
    joints = sum(not each.purpose for each in made)
    say(f"And {count(joints, 'resource')} that join these. All of it: {_template_file()}")
    if chosen["Warehouse"] == "serverless":
        say(
            f"Then a usage limit: after {chosen['DailyRpuHours']} RPU-hours in a day no query runs."
        )
    differ = {key: value for key, value in chosen.items() if value != defaults()[key]}
    if differ:
        say("Chosen: " + ", ".join(f"{key}={value}" for key, value in differ.items()))
    title("What it costs")
    table = grid("", "an hour", "a month at most", right=("an hour", "a month at most"))
    for line in costs.lines:
        hour = "" if line.hour is None else f"${line.hour:,.2f}"
        table.add_row(line.what, hour, f"${line.month:,.2f}")
    table.add_row("together", "", f"${costs.most_month:,.2f}", style="bold")
    show(table)
    say(f"The bound: {costs.bound}.")
    say(f"A month without any use: ${costs.idle_month:,.2f}. Storage besides, each GB a month: "
        f"${costs.per_gb[0]} in the warehouse, ${costs.per_gb[1]} in the lake.")  # fmt: skip
    say(f"Prices of {costs.region}, {costs.dated}; yours: --prices FILE.")


def _template_file() -> str:
    from sparkify_dagster.cluster import __path__

    return near(Path(__path__[0]) / "sparkify.yaml")


def cloud_of(settings: Settings, region: str) -> Cloud:
    """The account as who we are: not as the loader, whom `dwh.cfg` names and who may make nothing.

    Raises:
        AwsError: It cannot be reached.
    """
    own = settings.aws.model_copy(update={"role_arn": ""} | ({"region": region} if region else {}))
    return Cloud(AwsAccess(**dict(own)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where `dwh.cfg` goes, and whether what is there may be replaced unasked."""

    file: Path
    force: bool


def run_create(
    what: Asked, settings: Settings, own_prices: Path | None, target: Target, *, yes: bool
) -> int:
    """Makes the cluster, or takes up where somebody stopped; gives the exit code."""
    table, cloud = prices(own_prices), cloud_of(settings, what.region)
    before = stack.look(cloud, what.name)
    step = decide.creating(what.name, before)
    if step != "wait" and not yes and not sys.stdin.isatty():
        raise typer.BadParameter("nobody is there to confirm it; add --yes.", param_hint="'create'")
    if step != "wait":
        _make(cloud, what, before, table, yes=yes)
    else:
        say(f"{what.name} is being made already; taken up.")
    with _going_on(what.name), watching():
        found = stack.look(cloud, what.name)
        total = len(resources({**defaults(), **(found.parameters if found else {})}))
        found = stack.wait(cloud, found, total) if found else None
    if found is None or not found.is_ready or found.status == "UPDATE_ROLLBACK_COMPLETE":
        raise ClusterError(_failed(cloud, what.name, found))
    with _going_on(what.name), watching():
        _finish(cloud, found, settings)
    written = _write(found, cloud, settings, target)
    _show_next(found, target)
    return 0 if written else FAILED


def _make(
    cloud: Cloud, what: Asked, before: Stack | None, table: Mapping[str, object], *, yes: bool
) -> None:
    """Shows what is made or changed, asks, and lets AWS begin."""
    fresh = before is None or before.status == "REVIEW_IN_PROGRESS"
    there = {} if before is None or fresh else dict(before.parameters)
    chosen = {**defaults(), **there, **what.given}
    if fresh:
        beside.require_new(cloud, what.name, chosen)
        beside.require_zones(cloud, chosen)
    if fresh or "LakeBucket" in what.given:
        found = beside.lake_to_use(cloud, what.name, chosen)
        if found and not chosen["LakeBucket"]:
            say(f"The lake of an earlier {what.name} is there and is used: s3://{found}")
        chosen["LakeBucket"] = found
    _show_plan(what.name, chosen, cost(chosen, table))
    with watching():
        change_set, changes = stack.prepare(cloud, what.name, chosen, before)
    if changes is None:
        say("Nothing to change: it is there as asked for.")
        return
    if changes and not fresh:
        _show_changes(changes)
    risky = any(change.loses for change in changes)
    if not ((yes and not risky) or _agreed(what.name, cloud)):
        stack.discard(cloud, what.name, change_set)
        if fresh:
            cloud.ask("cloudformation", "delete_stack", StackName=what.name)
        raise typer.Exit(FAILED)
    with _going_on(what.name):
        stack.execute(cloud, what.name, change_set)


def _show_changes(changes: Sequence[decide.Change]) -> None:
    title("What changes")
    table = grid("what", "kind", "how")
    for change in changes:
        how = change.action.lower() + (", made anew: what it holds goes" if change.replaced else "")
        table.add_row(change.name, change.kind.removeprefix("AWS::"), how)
    show(table)


def _agreed(name: str, cloud: Cloud) -> bool:
    """Whether the person wants it; where nobody is there, no."""
    where = f"account {beside.account(cloud)}, region {cloud.region}"
    if not sys.stdin.isatty():
        warn_of(
            f"Something that is there would go in {where}: --yes does not do that; a terminal asks."
        )
        return False
    with suppress(typer.Abort):  # Ctrl-C at the question is a no.
        if typer.confirm(f"Make {name} in {where}?", err=True):
            return True
    say("Nothing was made.")
    return False


def _finish(cloud: Cloud, made: Stack, settings: Settings) -> None:
    """What CloudFormation has no kind for; what fails is said with what to do by hand."""
    if made.parameters["Warehouse"] == "serverless":
        with _warned(f"No usage limit is set. By hand: {made.outputs.get('UsageLimit', '')}"):
            beside.limit_usage(cloud, made)
    if made.parameters["LakeBucket"]:
        with _warned(
            "The lake's bucket does not tell the queue; the sensor lists every 15 minutes"
        ):
            beside.subscribe(cloud, made, wanted=True)
    schema = settings.load.schema_name
    by_hand = "; ".join(beside.owner_sql(made, schema))
    with _warned(f"The loader is not made the owner of {schema}. In the query editor: {by_hand}"):
        beside.make_owner(cloud, made, schema)


@contextmanager
def _warned(consequence: str) -> Iterator[None]:
    try:
        yield
    except ClusterError as error:
        warn_of(f"{error} {consequence}")


def _failed(cloud: Cloud, name: str, found: Stack | None) -> str:
    if found is None:
        return f"{name} was deleted meanwhile. Create it again: `sparkify cluster create {name}`."
    why = " ".join(stack.reasons(cloud, found)) or "AWS gives no reason."
    if found.is_ready:
        return f"{name} could not be changed and is as it was. {why}"
    return (
        f"{name} could not be made; AWS takes away what was begun ({found.status}). {why} Then: "
        f"`sparkify cluster delete {name}`, and create it again."
    )


@contextmanager
def _going_on(name: str) -> Iterator[None]:
    """Says on Ctrl-C that AWS does not stop, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"AWS goes on with {name} by itself. How far it is: `sparkify cluster status {name}`. "
            f"To go on here: `sparkify cluster create {name}`. To take it away: `sparkify cluster "
            f"delete {name}`."
        ) from None


def _write(made: Stack, cloud: Cloud, settings: Settings, target: Target) -> bool:
    """Writes the settings; never over others unasked."""
    ways = {"PROFILE": settings.aws.profile, "ENDPOINT_URL": settings.aws.endpoint_url}
    text = config_text(made, cloud.region, ways)
    there = target.file.read_text("utf-8") if target.file.exists() else None
    if there == text:
        say(f"{near(target.file)} says so already.")
        return True
    if there is not None and not target.force and not _may_replace(target.file):
        warn_of(
            f"{near(target.file)} is there and was left as it is. --force replaces it, --output "
            "FILE writes another."
        )
        return False
    with replacing(target.file, shared=True) as beside_it:  # Never half of it.
        beside_it.write_text(text, encoding="utf-8")
    say(f"Wrote {near(target.file)}: login by IAM, no password.")
    return True


def _may_replace(file: Path) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(f"Replace {printable(near(file))}?", err=True)


def _show_next(made: Stack, target: Target) -> None:
    of = made.outputs
    title(f"{made.name} is there")
    say(f"The loader runs as {of['LoaderRoleArn']},")
    say(f"on a machine with instance profile {of['LoaderProfile']}, security group")
    where = of.get("LoaderSubnetId", "of your network")
    say(f"{of['LoaderSecurityGroupId']}, subnet {where}: there it reaches {of['Host']}.")
    say(f"The lake goes to s3://{of['LakeBucket']}: log_data, song_data, log_json_path.json.")
    config = "" if target.file.name == "dwh.cfg" else f"--config {near(target.file)} "
    offer(f"Then: `sparkify {config}doctor`.")


def run_status(name: str, settings: Settings, region: str, *, as_json: bool) -> None:
    """Says how the stack, the warehouse and the queue are."""
    cloud = cloud_of(settings, region)
    found = decide.existing(name, stack.look(cloud, name))
    told: dict[str, object] = {"name": name, "region": cloud.region, "stack": found.status}
    if found.outputs:
        kind = found.parameters["Warehouse"]
        told["warehouse"] = f"{kind}, {beside.described(cloud, found)}"
        told["host"] = found.outputs["Host"]
        told["lake"] = f"s3://{found.outputs['LakeBucket']}"
        told["events waiting"] = beside.waiting(cloud, found.outputs["QueueUrl"])
        told["dead letters"] = beside.waiting(cloud, found.outputs["DeadLettersUrl"])
    why = [] if found.is_ready or found.is_busy else stack.reasons(cloud, found)
    if as_json:
        print_json({key.replace(" ", "_"): value for key, value in told.items()} | {"why": why})
        return
    table = grid("", name)
    for key, value in told.items():
        if key != "name":
            table.add_row(key, str(value))
    show(table)
    for reason in why:
        say(reason, "red")
    with suppress(ClusterError):
        decide.creating(name, found)
        return
    offer(f"Take it away, then create it again: `sparkify cluster delete {name}`.")


def run_switch(name: str, settings: Settings, region: str, *, pause: bool) -> None:
    """Pauses or resumes."""
    cloud = cloud_of(settings, region)
    found = decide.existing(name, stack.look(cloud, name))
    if found.parameters.get("Warehouse") == "serverless":
        hours = found.parameters.get("DailyRpuHours", "")
        say(
            f"{name} is Serverless: there is nothing to {'pause' if pause else 'resume'}. It "
            "sleeps by itself when no statement runs, costs nothing then but storage, and wakes "
            f"with the next one. After {hours} RPU-hours in a day queries are turned off. The "
            "sensor wakes it only when the lake has changed."
        )
        offer(f"Allow it less: `sparkify cluster create {name} --set DailyRpuHours=1`.")
        return
    with _going_on(name), watching():
        now = beside.switch(cloud, name, pause=pause)
    say(f"{name} is {now}.")
    if pause:
        offer("It costs storage only. Loads fail meanwhile; to wake it: "
              f"`sparkify cluster resume {name}`.")  # fmt: skip


def run_delete(name: str, settings: Settings, region: str, *, confirmed: str) -> None:
    """Deletes all but the lake, once its name was typed."""
    cloud = cloud_of(settings, region)
    found = decide.deleting(name, stack.look(cloud, name))
    if not found.status.startswith("DELETE_IN"):
        beside.require_deletable(cloud, found)
        _confirm_deletion(found, confirmed)
        stack.delete(cloud, found)
    with _going_on(name), watching():
        left = stack.wait(cloud, found, len(resources({**defaults(), **found.parameters})))
    if left is not None:
        why = " ".join(stack.reasons(cloud, left)) or "AWS gives no reason."
        raise ClusterError(
            f"{name} could not be deleted whole ({left.status}). {why} Then again: `sparkify "
            f"cluster delete {name}`."
        )
    say(f"{name} is deleted.")
    if found.outputs:
        with _warned("The bucket still tells the queue that is gone, which does no harm"):
            beside.subscribe(cloud, found, wanted=False)
        say(f"Kept: the lake (s3://{found.outputs['LakeBucket']}), a final snapshot of the "
            "warehouse, and the key that reads it.")  # fmt: skip


def _confirm_deletion(found: Stack, confirmed: str) -> None:
    if not confirmed:
        if not sys.stdin.isatty():
            raise typer.BadParameter(
                "nobody is there to type its name; --confirm NAME does so.", param_hint="'delete'"
            )
        say(f"{template()['Description']}: all of it goes but the lake, a final snapshot and the "
            "key that reads it.")  # fmt: skip
        confirmed = typer.prompt(f"Type {found.name} to delete it", err=True, default="")
    if confirmed != found.name:
        say("That is not its name. Nothing was deleted.")
        raise typer.Exit(FAILED)
