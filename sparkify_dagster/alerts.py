"""Telling people that something went wrong: the words, and sending them to a webhook.

What belongs here: from what happened to a message, when it is time to speak of staleness, and
`send`. Finding out what happened is `alert_sensors`'. A message leaves the house, so it holds
counts, days, keys and ids, and neither values of records nor secrets: what drivers quote is masked.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sparkify_dagster.webhook import post

Message = dict[str, str]
"""What Slack's incoming webhooks take: `{"text": …}`; others that speak JSON can read it too."""

_LINES, _LINE, _NAMED = 5, 300, 5
_READ = 2_000
"""Characters of a line that are looked at, however long it is."""
TRIES = 3
_TIMEOUT, _PAUSE, _PATIENCE = 4.0, 0.5, 12.0
"""Seconds: for an answer; before the second try, doubled for the third; after which none begins."""
_HOUR = 3600.0
_TRY_LATER = (408, 429)

_QUOTED = re.compile(r"""(?<!\w)'[^']*('(?!\w)|$)|"[^"]*("|$)""")
_OBEYED = re.compile(r"[*~`&]|(?<!\w)_|_(?!\w)|\w\.\w|://")
_ROW = re.compile(r"(contains |=)\(.*(\)|$)")
_LOGIN = re.compile(r"(?<=://)[^\s/@]+@")
_SECRET = re.compile(
    r"((?:password|passwd|secret|token|signature|credential|access_key)[\w-]*\s*[=:]\s*)\S+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check of severity ERROR that failed; `sentence` says how."""

    table: str
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that ended, as far as people should hear of it.

    Attributes:
        failed: Whether the run failed, not just its checks.
        reason: Why, in words for a person.
        days: The log days that were not published.
    """

    run_id: str
    job: str
    failed: bool
    reason: str = ""
    days: tuple[str, ...] = ()
    checks: tuple[FailedCheck, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Nobody needs to hear of it."""
        return not self.failed and not self.checks


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the warehouse is, as Dagster knows it; times in seconds since 1970.

    Attributes:
        published: When the star was published last; None: never.
        changed: When the lake was last seen to have changed; None: never seen.
        since: When somebody first looked.
    """

    published: float | None
    changed: float | None
    since: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a message.

    Attributes:
        state: `refused`: it would be again; `unreachable`: another time it may arrive.
        why: In words that hold nothing of the webhook's URL.
    """

    state: Literal["sent", "refused", "unreachable"]
    why: str = ""


def about_run(run: EndedRun) -> Message:
    """What to say of a run."""
    how = "failed" if run.failed else "ended, and checks failed"
    lines = [f"Sparkify: a run of `{_plain(run.job)}` {how}."]
    lines += _listed(run.reason.splitlines(), "lines in the run's log")
    lines += _listed(
        [f"Check {check.name} of {check.table}: {check.sentence}" for check in run.checks],
        "failed checks in the run",
    )
    lines += [f"Next: {_next_step(run)}", f"Run: {_plain(run.run_id)}"]
    return {"text": "\n".join(lines)}


def about_staleness(fresh: Freshness, now: float) -> Message:
    """What to say when nothing was published for long."""
    lines = ["Sparkify: the tables are stale."]
    if fresh.published is None:
        lines.append(f"• Nothing was published since alerts are on ({_moment(fresh.since)}).")
    else:
        hours = (now - fresh.published) / _HOUR
        lines.append(f"• Last published {_moment(fresh.published)}, {hours:,.0f} hours ago.")
    if fresh.changed is not None and fresh.changed > (fresh.published or 0):
        lines.append(f"• The lake has changed since ({_moment(fresh.changed)}): a load is due.")
        step = "`sparkify status` says what is pending and what failed; `sparkify etl` loads now."
    else:
        lines.append("• The lake was not seen to change since.")
        step = (
            "do new logs arrive, and does lake_sensor see them (Automation in the UI)? If none are "
            "due, all is well: raise [ALERTS] STALE_HOURS."
        )
    return {"text": "\n".join([*lines, f"Next: {step}"])}


def must_tell(fresh: Freshness, told: float, now: float, hours: int) -> bool:
    """Whether it is time to speak of staleness: once, then after each further `hours`.

    Stale is a star that was not published for `hours`, whether the lake changed or not: a lake
    that cannot be listed, or a daemon without its sensor, shows in nothing else.

    Args:
        told: When it was last spoken of; 0 for never.
        hours: 0 for never.
    """
    window = hours * _HOUR
    start = fresh.since if fresh.published is None else fresh.published
    if not hours or now - start < window:
        return False
    return told <= start or now - told >= window


def send(
    url: str, message: Message, *, timeout: float = _TIMEOUT, pause: float = _PAUSE
) -> Delivery:
    """Posts a message, trying three times; never raises, and never shows the URL.

    Args:
        timeout: Seconds that a try may take in all.
        pause: Seconds before the second try, doubled for the third.
    """
    began = time.monotonic()
    for tried in range(1, TRIES + 1):
        found = _post(url, message, timeout)
        late = time.monotonic() - began > _PATIENCE
        if found.state != "unreachable" or tried == TRIES or late:
            break
        time.sleep(pause * 2 ** (tried - 1))
    if found.state != "sent":
        logging.getLogger(__name__).warning("an alert was not delivered: the webhook %s", found.why)
    return found


def _post(url: str, message: Message, timeout: float) -> Delivery:
    try:
        status = post(url, json.dumps(message), timeout)
    except TimeoutError:
        return Delivery("unreachable", f"did not answer within {timeout:g} s")
    except OSError as error:  # An alert that fails must fail nothing else.
        return Delivery("unreachable", f"could not be reached ({error})")
    if 200 <= status < 300:
        return Delivery("sent")
    again = status >= 500 or status in _TRY_LATER
    return Delivery("unreachable" if again else "refused", f"answered {status}")


def _next_step(run: EndedRun) -> str:
    if run.days:
        days = ", ".join(run.days[:_NAMED])
        more = f" and {len(run.days) - _NAMED:,} more" if len(run.days) > _NAMED else ""
        return (
            f"mend or remove the objects of {_plain(days)}{more}, which then load by themselves; "
            f"`sparkify retry {_plain(run.days[0])}` tries again now, `sparkify status` says how "
            "things stand."
        )
    if run.checks:
        return (
            "the checks in the Dagster UI show the numbers compared, docs/operations.md ('A check "
            "failed') what to do."
        )
    return (
        "`sparkify status` says what is loaded and what is not, `sparkify doctor` looks for what "
        "is in the way; the run's log in the Dagster UI has it all."
    )


def _listed(texts: Sequence[str], what: str) -> list[str]:
    found = [text for text in texts if text.strip()]
    lines = [f"• {_verbatim(_plain(text))}" for text in found[:_LINES]]
    if len(found) > _LINES:
        lines.append(f"• … and {len(found) - _LINES:,} more {what}")
    return lines


def _plain(text: str) -> str:
    """A text as it may be shown outside: one short line, nothing quoted, nothing Slack obeys."""
    text = " ".join(text[:_READ].split())
    text = _SECRET.sub(r"\1***", _LOGIN.sub("***@", text))
    text = _ROW.sub(r"\1(…)", _QUOTED.sub("'…'", text))
    text = text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _verbatim(text: str) -> str:
    """A plain text, as code where a part of it could become a link or markup: a key of the lake."""
    return f"`{text.replace('`', chr(39))}`" if _OBEYED.search(text) else text


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
