"""What this platform adds to a boto3 client for S3: counting, and reading listings fast.

What belongs here: handlers of botocore's events. What is asked, and of which bucket, is the store's
affair.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from botocore import handlers

from sparkify_dagster.core.meter import Meter
from sparkify_dagster.lake.store.s3_list import parse_page


def watch(client: Any, meter: Meter) -> None:
    """Counts every request that a boto3 client for S3 sends, those tried again included."""

    def sent(request: Any, **_: object) -> None:
        meter.add(_kind(request.method, request.url.partition("?")[2]))

    client.meta.events.register("before-send.s3", sent)


def read_pages_of(client: Any) -> None:
    """Has listings read by `parse_page`: botocore's two passes are what takes longest in them."""
    if in_any_answer := getattr(handlers, "_handle_200_error", None):
        client.meta.events.unregister("before-parse.s3.*", in_any_answer)  # `_parse` does it, too.
    client.meta.events.register("before-parse.s3.ListObjectsV2", _parse)


def _parse(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Reads a page. What is none becomes an error of the server, so that it is asked for again."""
    if response_dict["status_code"] != 200:
        return
    body = response_dict["body"]
    try:
        customized_response_dict["Page"] = parse_page(body)
        response_dict["body"] = b"<ListBucketResult/>"
    except ValueError as error:
        response_dict["status_code"] = 500
        if b"<Error>" not in body[:200]:  # An error that came with a good status is told as it is.
            words = f"<Error><Code>NoListing</Code><Message>{escape(str(error))}</Message></Error>"
            response_dict["body"] = words.encode()


def _kind(method: str, query: str) -> str:
    """What a request is counted as: one of LIST, GET, HEAD, PUT, DELETE."""
    if method == "POST":
        return "DELETE" if query.startswith("delete") else "PUT"
    if method == "GET" and ("list-type=2" in query or query.startswith("uploads")):
        return "LIST"
    return method
