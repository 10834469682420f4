"""The `dwh.cfg` of a cluster: the original design's shape, login by IAM, no password anywhere.

What belongs here: its text. Whether an older one may go is asked by the command line.
"""

from __future__ import annotations

from collections.abc import Mapping

from sparkify_dagster.cluster.decide import Stack

_TEXT = """\
# Written by `sparkify cluster create {name}`. Nothing in it is secret: the login is IAM's.
[CLUSTER]
HOST='{Host}'
DB_NAME='{Database}'
DB_USER=''
DB_PASSWORD=''
DB_PORT={Port}
{login}='{name}'

[IAM_ROLE]
ARN='{CopyRoleArn}'

[S3]
LOG_DATA='s3://{LakeBucket}/log_data'
LOG_JSONPATH='s3://{LakeBucket}/log_json_path.json'
SONG_DATA='s3://{LakeBucket}/song_data'
QUEUE='{QueueUrl}'

# The loader's role: this program assumes it for all but `sparkify cluster`.
[AWS]
REGION='{region}'
ROLE_ARN='{LoaderRoleArn}'
"""


def config_text(stack: Stack, region: str, beside: Mapping[str, str]) -> str:
    """What to write.

    Args:
        beside: Further settings of [AWS] by which the account was reached; blank ones are left out.
    """
    login = "WORKGROUP" if stack.parameters["Warehouse"] == "serverless" else "CLUSTER_ID"
    text = _TEXT.format(name=stack.name, login=login, region=region, **stack.outputs)
    return text + "".join(f"{key}='{value}'\n" for key, value in beside.items() if value)
