"""Writing to a pipe whose reader may leave, as in `sparkify status | head -1`.

What belongs here: streams that drop what nobody reads any more, so that the command goes on to its
end and its own exit code.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Pipe(io.FileIO):
    """A descriptor; remembers when its reader has left."""

    left = False

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self.left = True
            return memoryview(data).nbytes


def ignore_broken_pipe(stream: TextIO, descriptor: int | None = None) -> TextIO:
    """A stream to where another one leads, or to a descriptor of its own, that outlives its reader.

    What it cannot show gets a question mark, not a crash.

    Raises:
        OSError: The stream is no file: a test's buffer; ValueError likewise.
    """
    own = descriptor is not None
    pipe = _Pipe(descriptor if descriptor is not None else stream.fileno(), "w", closefd=own)
    return io.TextIOWrapper(
        io.BufferedWriter(pipe), stream.encoding, errors="replace", line_buffering=True
    )


def is_left(stream: TextIO) -> bool:
    """Whether the reader of a patient stream has left."""
    pipe = getattr(getattr(stream, "buffer", None), "raw", None)
    return isinstance(pipe, _Pipe) and pipe.left
