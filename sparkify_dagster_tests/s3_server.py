"""A real HTTP server that stands in for AWS: moto, in a process of its own.

What belongs here: starting and ending it, and what a test does to the buckets behind the platform's
back. Tests take the session fixture `s3`; answers that moto cannot give are `faulty_s3`'s.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

KEY_ID = "AKIATESTTESTTESTTEST"
SECRET_KEY = "test-secret-never-to-be-shown"


@dataclass(frozen=True)
class S3Server:
    """A running server.

    Attributes:
        endpoint: Its address, `http://127.0.0.1:port`; it answers for every AWS service.
    """

    endpoint: str
    region: str = "us-west-2"

    def client(self, service: str = "s3", region: str | None = None) -> Any:
        """A new boto3 client with test keys."""
        return _client(self.endpoint, service, region or self.region)

    @cached_property
    def _s3(self) -> Any:
        return self.client()

    def make_bucket(self, name: str, region: str | None = None) -> None:
        place = region or self.region
        if place == "us-east-1":  # The one region that must not be named.
            self.client(region=place).create_bucket(Bucket=name)
        else:
            where = {"LocationConstraint": place}
            self.client(region=place).create_bucket(Bucket=name, CreateBucketConfiguration=where)

    def put(self, uri: str, data: bytes) -> None:
        bucket, key = split(uri)
        self._s3.put_object(Bucket=bucket, Key=key, Body=data)

    def delete(self, uri: str) -> None:
        bucket, key = split(uri)
        self._s3.delete_object(Bucket=bucket, Key=key)

    def keys(self, uri: str) -> list[str]:
        """Keys, whole, that begin with what follows the bucket in `s3://bucket/prefix`."""
        bucket, prefix = split(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def environ(self) -> dict[str, str]:
        """Variables for a process under test: keys and region, and nothing from this account.

        The endpoint is not among them: the platform's own setting has to name it.
        """
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class Events:
    """A queue that a bucket tells of what happens in it.

    Attributes:
        sqs: A client for it.
        url: Its URL.
    """

    def __init__(self, s3: S3Server, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.sqs = s3.client("sqs")
        url = self.sqs.create_queue(QueueName=f"q-{bucket}")["QueueUrl"]
        self.url = f"{s3.endpoint}/{url.split('/', 3)[3]}"
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        wanted = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
        self._tell([{"QueueArn": told["Attributes"]["QueueArn"], "Events": wanted}])

    def stop(self) -> None:
        """The bucket tells nobody any more."""
        self._tell([])

    def waiting(self) -> int:
        """Messages in the queue, those that were received and not deleted included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(told["Attributes"][name]) for name in names)

    def _tell(self, queues: list[dict[str, Any]]) -> None:
        self._s3.client().put_bucket_notification_configuration(
            Bucket=self._bucket, NotificationConfiguration={"QueueConfigurations": queues}
        )


def _client(endpoint: str, service: str, region: str) -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET_KEY,
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=32),
    )


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` URI, nothing decoded."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Starts a server on a free port of 127.0.0.1; it ends with this block or this process."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        # Not as a file: this folder's modules must not stand in the way of others of their names.
        [sys.executable, "-P", "-m", "sparkify_dagster_tests.s3_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()  # It answers from the moment it tells its port.
        assert port, f"moto did not start; try: {sys.executable} -m {__name__}"
        yield S3Server(f"http://127.0.0.1:{int(port)}")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _mended(make_app: Any, service: str) -> Any:
    """The app of a service of moto; CloudFormation, which few tests need, takes a second more."""
    if service == "cloudformation":
        from sparkify_dagster_tests.moto_cloudformation import mend

        mend()
    return make_app(service)


def _serve_until_the_parent_is_gone() -> None:
    from moto.moto_server import threaded_moto_server as moto

    parent = os.getppid()
    make_app = moto.create_backend_app
    moto.create_backend_app = lambda service: _mended(make_app, service)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    # The pipe ends when the parent does, killed or not. A process that the parent forked may hold
    # the pipe open: so ask for the parent, too.
    while os.getppid() == parent and not select.select([sys.stdin], [], [], 1.0)[0]:
        pass
    os._exit(0)


if __name__ == "__main__":
    _serve_until_the_parent_is_gone()
