"""`sparkify docs`: the docs site, built from the code and, in a checkout, from its pages.

What belongs here: handing the grammar over, and saying where the site is. What is on it is
`docs_site`'s.
"""

from __future__ import annotations

from pathlib import Path

import click
import typer

import sparkify_dagster
from sparkify_dagster.cli.console import near, note, say
from sparkify_dagster.core.text import count


def run_docs(target: Path, program: click.Command) -> None:
    """Builds the site.

    Args:
        program: The command line, which describes itself.

    Raises:
        OSError: The folder cannot be written.
        typer.BadParameter: The folder holds something else.
    """
    from sparkify_dagster.docs_site.commands import described
    from sparkify_dagster.docs_site.site import build_site, checkout
    from sparkify_dagster.docs_site.writing import NotOurs, write_site
    from sparkify_dagster.lineage import lineage_graph

    assert isinstance(program, click.Group), "the program has commands"
    root = checkout(Path(sparkify_dagster.__file__).parent)
    files = build_site(root, described(program), lineage_graph())
    try:
        write_site(target, files)
    except NotOurs as error:
        raise typer.BadParameter(
            f"{near(str(error))} holds something that is no docs site; name a new or empty folder.",
            param_hint="'[DIR]'",
        ) from None
    pages = sum(name.endswith(".html") for name in files)
    say(f"Built {count(pages, 'page')} in {near(target)}: open {near(target / 'index.html')}")
    if root is None:
        note("Without the hand-written pages (operations, architecture …): they are in a checkout.")
