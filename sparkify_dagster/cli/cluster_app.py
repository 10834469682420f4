"""The grammar of `sparkify cluster`; the work is `cluster`'s, imported only when it is needed.

What belongs here: what can be typed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparkify_dagster.cli.grammar import Command, Json, settings_of

cluster = typer.Typer(
    name="cluster", no_args_is_help=True, help="Make, look at, pause or delete the platform on AWS."
)
Stack = Annotated[str, typer.Argument(metavar="[NAME]")]
Region = Annotated[str, typer.Option(help="Region, instead of [AWS] REGION.")]
Provisioned = Annotated[
    bool, typer.Option("--provisioned", help="A cluster of RA3 nodes instead of Serverless.")
]
Bucket = Annotated[str, typer.Option(help="Bucket of the lake that is there; else a new one.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the template; repeatable."),
]
Prices = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Prices of your region (TOML).", dir_okay=False)
]


@cluster.command(cls=Command)
def plan(
    stack: Stack = "sparkify",
    provisioned: Provisioned = False,
    bucket: Bucket = "",
    parameters: Parameters = None,
    prices: Prices = None,
    as_json: Json = False,
) -> None:
    """What would be made and what it costs; needs no account and no network."""
    from sparkify_dagster.cli.cluster import asked, run_plan

    what = asked(stack, "", parameters or (), provisioned, bucket)
    run_plan(what, prices, as_json=as_json)


@cluster.command(cls=Command)
def create(
    context: typer.Context,
    stack: Stack = "sparkify",
    region: Region = "",
    provisioned: Provisioned = False,
    bucket: Bucket = "",
    parameters: Parameters = None,
    prices: Prices = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before making it.")] = False,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="Where its settings go.", dir_okay=False)
    ] = Path("dwh.cfg"),
    force: Annotated[
        bool, typer.Option("--force", help="Replace settings that are there.")
    ] = False,
) -> None:
    """Make it, or change it, or go on where it was stopped; write its dwh.cfg."""
    from sparkify_dagster.cli.cluster import Target, asked, run_create

    what = asked(stack, region, parameters or (), provisioned, bucket)
    target = Target(output, force)
    raise typer.Exit(run_create(what, settings_of(context), prices, target, yes=yes))


@cluster.command("status", cls=Command)
def status(
    context: typer.Context, stack: Stack = "sparkify", region: Region = "", as_json: Json = False
) -> None:
    """How the stack, the warehouse and the queue of events are."""
    from sparkify_dagster.cli.cluster import run_status

    run_status(stack, settings_of(context), region, as_json=as_json)


@cluster.command(cls=Command)
def pause(context: typer.Context, stack: Stack = "sparkify", region: Region = "") -> None:
    """Stop paying for nodes; Serverless sleeps by itself."""
    from sparkify_dagster.cli.cluster import run_switch

    run_switch(stack, settings_of(context), region, pause=True)


@cluster.command(cls=Command)
def resume(context: typer.Context, stack: Stack = "sparkify", region: Region = "") -> None:
    """Wake a paused cluster."""
    from sparkify_dagster.cli.cluster import run_switch

    run_switch(stack, settings_of(context), region, pause=False)


@cluster.command(cls=Command)
def delete(
    context: typer.Context,
    stack: Stack = "sparkify",
    region: Region = "",
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="Its name, where nobody is there to type it.")
    ] = "",
) -> None:
    """Delete all but the lake, once its name is typed; a final snapshot is left."""
    from sparkify_dagster.cli.cluster import run_delete

    run_delete(stack, settings_of(context), region, confirmed=confirm)
