"""Telling people that something went wrong, and that it is well again.

What belongs here: from what happened and what was told to messages, and sending them to a webhook.
A part of a load is told when it first fails, when it is given up, and when it is loaded again;
nothing is told twice. Finding out what happened is `alert_sensors`'. A message leaves the house, so
it holds counts, days, keys and ids, and neither values of records nor secrets: what drivers quote
is masked.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sparkify_dagster.core.text import count
from sparkify_dagster.core.webhook import post
from sparkify_dagster.pipeline.events import CATALOGUE, MARTS, STAR, FailedPart

Message = dict[str, str]
"""What Slack's incoming webhooks take: `{"text": …}`; others that speak JSON can read it too."""

_LINES, _LINE, _NAMED = 5, 300, 5
_READ = 2_000
"""Characters of a line that are looked at, however long it is."""
TRIES = 3
_TIMEOUT, _PAUSE, _PATIENCE = 4.0, 0.5, 12.0
"""Seconds: for an answer; before the second try, doubled for the third; after which none begins."""
_HOUR = 3600.0
LOAD, CHECKS, TABLES, CHECK = "the load", "the job of checks", "the tables", "check "
"""All of a load, of a run of checks; what grows stale; before the name of a check."""
_AGAIN = (
    ("is loaded again", "are loaded again"),
    ("passes again", "pass again"),
    ("works again", "work again"),
)
MOST_KNOWN = 1_000
"""Parts that are remembered as failing. While there are so many, another one is no news."""
_TRY_LATER = (408, 429)

_QUOTED = re.compile(r"""(?<!\w)'[^']*('(?!\w)|$)|"[^"]*("|$)""")
_OBEYED = re.compile(r"[*~`&]|(?<!\w)_|_(?!\w)|\w\.\w|://")
_ROW = re.compile(r"(contains |=)\(.*(\)|$)")
_LOGIN = re.compile(r"(?<=://)[^\s/@]+@")
_SECRET = re.compile(
    r"((?:password|passwd|secret|token|signature|credential|access_key)[\w-]*\s*[=:]\s*)\S+",
    re.IGNORECASE,
)


State = Literal["failed", "given up"]
Known = Mapping[str, State]
"""What people were told of the parts that are not well, by name."""


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that ended, as far as people should hear of it.

    Attributes:
        failed: What failed in it: parts of the load, checks, or all of it, each with a name.
        well: Names of what is well after it, whatever it was before.
    """

    run_id: str
    job: str
    failed: tuple[FailedPart, ...] = ()
    well: frozenset[str] = frozenset()


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


def transitions(known: Known, run: EndedRun) -> tuple[list[tuple[Message, Known]], Known]:
    """What is to be told of a run's end, given what was told before.

    Told of what was told already, it says nothing: a tick may stop after any message.

    Returns:
        Each message with what is known once it is told; and what is known in the end.
    """
    news: list[tuple[Message, Known]] = []
    for part in run.failed:  # Tried anew since it was given up: that is told if it happens again.
        if part.name in known and not part.given_up:
            known = {**known, part.name: "failed"}
    for state, about in _WORSE.items():
        worse = [part for part in run.failed if _is_worse(part, state, known)]
        if worse:
            known = {**known, **dict.fromkeys((part.name for part in worse), state)}
            known = dict(list(known.items())[:MOST_KNOWN])
            news.append((about(worse, run), known))
    well = (run.well - {part.name for part in run.failed}).intersection(known)
    for words in _AGAIN:
        names = sorted(name for name in well if _again(name) is words)
        if names:
            known = {name: state for name, state in known.items() if name not in names}
            news.append((about_again(names, _of_run(run)), known))
    return news, known


def _is_worse(part: FailedPart, state: State, known: Known) -> bool:
    """Whether a part has come to a state that nobody was told of."""
    before = known.get(part.name)
    is_news = before != state if before else len(known) < MOST_KNOWN
    return is_news and part.given_up == (state == "given up")


def is_day(name: str) -> bool:
    """Whether a part is a log day."""
    return name[:1].isdigit()


def about_failed(parts: Sequence[FailedPart], run: EndedRun) -> Message:
    """What to say of what failed for the first time."""
    title = f"Sparkify: {_named([part.name for part in parts])} failed."
    return _told_of(title, parts, run)


def about_given_up(parts: Sequence[FailedPart], run: EndedRun) -> Message:
    """What to say of what is not tried again by itself."""
    names, tried = [part.name for part in parts], max(part.tried for part in parts)
    title = (
        f"Sparkify: {_named(names)} {'are' if _are_many(names) else 'is'} given up: tried "
        f"{count(tried, 'time')}, left alone until the lake changes or `sparkify retry`."
    )
    return _told_of(title, parts, run)


_WORSE: Mapping[State, Callable[[Sequence[FailedPart], EndedRun], Message]] = {
    "failed": about_failed,
    "given up": about_given_up,
}


def about_stale(fresh: Freshness, now: float) -> Message:
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


def staleness(fresh: Freshness, told: float, now: float, hours: int) -> Message | None:
    """What to say of staleness: once that the tables are stale, once that they no longer are.

    Stale is a star that was not published for `hours`, whether the lake changed or not: a lake
    that cannot be listed, or a daemon without its sensor, shows in nothing else.

    Args:
        told: When it was last spoken of; 0 for never.
        hours: 0 for never.
    """
    start = fresh.since if fresh.published is None else fresh.published
    if told > start:
        return None
    if told and fresh.published is not None:
        return about_again([TABLES], [f"Published {_moment(fresh.published)}."])
    return about_stale(fresh, now) if hours and now - start >= hours * _HOUR else None


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


def about_again(names: Sequence[str], more: Sequence[str]) -> Message:
    """What to say of what is well again after people were told that it is not.

    Args:
        names: Of one kind.
        more: Further lines.
    """
    words = _again(names[0])[_are_many(names)]
    return {"text": "\n".join([f"Sparkify: {_named(names)} {words}.", *more])}


def _again(name: str) -> tuple[str, str]:
    return _AGAIN[1 if name.startswith(CHECK) else 2 if name in (LOAD, CHECKS) else 0]


def _are_many(names: Sequence[str]) -> bool:
    return len(names) > 1 or names[0] in (MARTS, TABLES)


def _told_of(title: str, parts: Sequence[FailedPart], run: EndedRun) -> Message:
    reasons = [line for part in parts for line in part.reason.splitlines()]
    lines = [title, *_listed(reasons, "lines in the run's log")]
    lines += [f"Next: {_next_step([part.name for part in parts])}", *_of_run(run)]
    return {"text": "\n".join(lines)}


def _of_run(run: EndedRun) -> list[str]:
    return [f"Run: {_plain(run.run_id)} (job `{_plain(run.job)}`)"]


def _next_step(names: Sequence[str]) -> str:
    days = [name for name in names if is_day(name)]
    loaded = [*days, *(name for name in names if name == CATALOGUE)]
    if loaded:
        retry = f"sparkify retry {_plain(days[0])}" if days else "sparkify retry"
        return (
            f"mend or remove the objects of {_named(loaded)}, which then load by themselves; "
            f"`{retry}` tries again now, `sparkify status` says how things stand."
        )
    if any(name.startswith(CHECK) or name in (STAR, MARTS) for name in names):
        return (
            "the checks in the Dagster UI show the numbers compared, docs/operations.md ('A check "
            "failed') what to do."
        )
    return (
        "`sparkify status` says what is loaded and what is not, `sparkify doctor` looks for what "
        "is in the way; the run's log in the Dagster UI has it all."
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return f"{_plain(', '.join(names[:_NAMED]))}{more}"


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
