"""Posting a text to a webhook within a time that nothing the other side does can stretch.

A server may send a byte a second, headers without end, or a slow handshake: each read ends in time,
the call never would. So it is made by a process of its own, which the system ends. This module is
that process's program, too, and imports nothing of ours.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

_START = 10.0
"""Seconds in which a process is surely there."""


def post(url: str, text: str, timeout: float) -> int:
    """Posts JSON and gives the status of the answer. Follows no redirect.

    Args:
        timeout: Seconds that the whole call may take.

    Raises:
        TimeoutError: It took longer.
        ConnectionError: There was no answer. Names the kind of error, and nothing of the URL.
        OSError: No process could be started.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-I", __file__],
            input=json.dumps([url, text, timeout]).encode(),  # Arguments could be seen by all.
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout + _START,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    if done.returncode == -signal.SIGALRM:
        raise TimeoutError
    said = done.stdout.decode()
    if said.isdecimal():
        return int(said)
    raise ConnectionError(said or "no answer")


def _answer(url: str, text: str, timeout: float) -> int | str:
    try:
        request = urllib.request.Request(url, text.encode(), {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(_StayHere)
        with opener.open(request, timeout=timeout + _START) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except Exception as error:
        # What an exception says may hold the URL, and that a token.
        cause = getattr(error, "reason", error)
        return type(cause if isinstance(cause, Exception) else error).__name__


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the message would arrive as a GET, without its text."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _main() -> None:
    url, text, timeout = json.load(sys.stdin)
    signal.setitimer(signal.ITIMER_REAL, timeout)  # Ends this process, whatever it waits for.
    print(_answer(url, text, timeout), end="")


if __name__ == "__main__":
    _main()
