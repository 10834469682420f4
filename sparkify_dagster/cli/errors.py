"""What goes wrong, as one message on stderr and an exit code.

What belongs here: which errors are a person's business and with which code they end. An error that
is none of these is a bug and shows its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import typer

from sparkify_dagster.core.text import printable

FAILED, WRONG_USE, STOPPED = 1, 2, 130


@contextmanager
def said_plainly(exit_code: int | None = None) -> Iterator[None]:
    """Ends the command with a message and a code when an expected error comes up.

    Args:
        exit_code: The code of every such error, where the usual ones mean something else.
    """
    try:
        yield
    except (KeyboardInterrupt, typer.Abort) as stop:
        # Whoever knows what it means to stop here has said so.
        _say(f"Stopped. {stop}".rstrip())
        raise typer.Exit(STOPPED) from None
    except click.UsageError as error:
        # Not in click's frame, which breaks what is to be copied.
        help_of = f" Try '{error.ctx.command_path} -h' for help." if error.ctx else ""
        _say(f"Error: {printable(error.format_message())}{help_of}")
        raise typer.Exit(error.exit_code) from None
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        code, message = told
        _say(f"Error: {message}")
        raise typer.Exit(exit_code or code) from None


def explained(error: Exception) -> tuple[int, str] | None:
    """Exit code and message of an expected error; None for a bug."""
    if isinstance(error, OSError):
        return None if isinstance(error, BrokenPipeError) else (FAILED, _in_words(error))
    for module, name, code in (
        ("sparkify_dagster.settings", "SettingsError", WRONG_USE),
        ("sparkify_dagster.lake.errors", "DocumentError", WRONG_USE),
        ("sparkify_dagster.lake.errors", "LakeError", FAILED),
        ("sparkify_dagster.core.errors", "CloudError", FAILED),
        ("sparkify_dagster.warehouse.engine", "WarehouseError", FAILED),
        ("sparkify_dagster.report.writing", "ReportError", FAILED),
        ("sparkify_dagster.core.local_files", "OutputError", FAILED),
        ("sparkify_dagster.defs.instance", "HistoryError", FAILED),
    ):
        # A module that was never imported has raised nothing; importing it here costs time.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code, str(error) if name == "SettingsError" else printable(error)
    return None


def _in_words(error: OSError) -> str:
    if error.strerror is None:
        return printable(error)
    return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)


def _say(message: str) -> None:
    from sparkify_dagster.cli.console import offer

    offer(message, failed=True)
