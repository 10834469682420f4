"""`sparkify cluster` over moto: from an account with nothing in it to a loaded warehouse, and back.

What belongs here: the command as it is typed. Where moto cannot follow (Serverless, IAM's logins)
the test says what stands in.
"""

from __future__ import annotations

import ast
import itertools
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sparkify_dagster.cluster import beside, stack
from sparkify_dagster.cluster.cloud import Cloud
from sparkify_dagster.cluster.template import defaults, resources
from sparkify_dagster.core.aws import AwsAccess
from sparkify_dagster.generator import LakeSpec, generate_lake
from sparkify_dagster_tests.integration.cli_process import COMMAND, Said, sparkify
from sparkify_dagster_tests.integration.dagster_dev import environment
from sparkify_dagster_tests.policies import Filled
from sparkify_dagster_tests.redshift_double import Double
from sparkify_dagster_tests.s3_server import KEY_ID, SECRET_KEY, S3Server

pytestmark = pytest.mark.integration

LOADER = "IAMR:{}-loader-us-west-2"


Passed = Callable[[str], object]


@contextmanager
def front(behind: str, login: tuple[str, str] = ("", ""), passed: Passed = len) -> Iterator[str]:
    """The server with one answer more, that moto lacks: `GetClusterCredentialsWithIAM`.

    Args:
        passed: Told of each request that was carried out, before its answer goes back.
    """
    user, password = login
    answer = (
        "<GetClusterCredentialsWithIAMResponse><GetClusterCredentialsWithIAMResult>"
        f"<DbUser>{user}</DbUser><DbPassword>{password}</DbPassword>"
        "</GetClusterCredentialsWithIAMResult></GetClusterCredentialsWithIAMResponse>"
    ).encode()

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            action = parse_qs(body.decode(errors="replace")).get("Action", [self.command])[0]
            if action == "GetClusterCredentialsWithIAM":
                status, headers, data = 200, [], answer
            else:
                server = HTTPConnection(urlsplit(behind).netloc)
                server.request(self.command, self.path, body, dict(self.headers))
                told = server.getresponse()
                status, headers, data = told.status, told.getheaders(), told.read()
                server.close()
            passed(action)
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that was killed is none."""

    server = Server(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(folder: Path, endpoint: str, s3: S3Server, *words: str, **variables: str) -> Said:
    return sparkify(
        folder, *words, **s3.environ(), SPARKIFY_AWS__ENDPOINT_URL=endpoint, **variables
    )


@pytest.mark.drill
@pytest.mark.slow
def test_from_an_empty_account_to_a_loaded_warehouse_and_back(
    tmp_path: Path, s3: S3Server, double: Double
) -> None:
    name, lake = "acme", "acme-lake-123456789012-us-west-2"
    loader, password = LOADER.format(name), "made by IAM"
    double.allow_login(loader, password, as_role=loader)
    there = {
        "SPARKIFY_CLUSTER__HOST": double.host,
        "SPARKIFY_CLUSTER__DB_PORT": str(double.port),
        "SPARKIFY_CLUSTER__SSLROOTCERT": str(double.ca_file),
        "SPARKIFY_IAM_ROLE__ARN": double.role,
        "SPARKIFY_LOAD__SCHEMA": "acme",
        "SPARKIFY_DAYS__LAST": "2018-11-03",
    }
    with front(s3.endpoint, (loader, password)) as endpoint:

        def typed(*words: str, **variables: str) -> Said:
            return run(tmp_path, endpoint, s3, *words, **variables)

        made = typed("cluster", "create", name, "--provisioned", "--yes")
        assert made.code == 0, made.flat
        assert "Wrote dwh.cfg: login by IAM, no password" in made.flat
        written = (tmp_path / "dwh.cfg").read_text()
        assert "DB_PASSWORD=''" in written
        assert "CLUSTER_ID='acme'" in written

        generate_lake(tmp_path / "lake", LakeSpec(songs=5, events=60, days=3))
        for file in (path for path in (tmp_path / "lake").rglob("*") if path.is_file()):
            s3.put(f"s3://{lake}/{file.relative_to(tmp_path / 'lake')}", file.read_bytes())
        loaded = typed("etl", "--json", **there)
        assert loaded.code == 0, loaded.flat
        assert loaded.json["tables"]["songplay"]["row_count"] > 0

        told = typed("cluster", "status", name, "--json").json
        assert (told["stack"], told["warehouse"]) == ("CREATE_COMPLETE", "provisioned, available")
        assert "acme is paused" in typed("cluster", "pause", name).out
        assert typed("cluster", "status", name, "--json").json["warehouse"] == "provisioned, paused"
        refused = typed("cluster", "delete", name, "--confirm", name)
        assert refused.code == 1
        assert "cluster resume acme" in refused.err
        assert "acme is available" in typed("cluster", "resume", name).out

        gone = typed("cluster", "delete", name, "--confirm", name)
        assert gone.code == 0, gone.flat
        assert f"Kept: the lake (s3://{lake})" in gone.flat
        assert len(s3.keys(f"s3://{lake}")) >= 9, "the lake is untouched"
        assert typed("cluster", "status", name).code == 1
        again = typed("cluster", "create", name, "--provisioned", "--yes", "--force")
        assert again.code == 0, again.flat
        assert f"The lake of an earlier acme is there and is used: s3://{lake}" in again.flat
        s3.put(f"s3://{lake}/log_data/2018/11/2018-11-02-late.json", b"{}")
        waiting = typed("cluster", "status", name, "--json").json["events_waiting"]
        assert waiting > 0, "the bucket that was there before tells the queue"
        assert password not in made.flat + loaded.flat + again.flat


# --------------------------------------------------------------------------------------------------
# What moto made, compared with what the template asks for
# --------------------------------------------------------------------------------------------------

MADE = "compared"


def cloud_at(s3: S3Server) -> Cloud:
    keys = {"access_key_id": KEY_ID, "secret_access_key": SECRET_KEY}
    return Cloud(AwsAccess(region=s3.region, endpoint_url=s3.endpoint, **keys))


@pytest.fixture(scope="module")
def made(s3: S3Server) -> Iterator[Cloud]:
    """An account in which a provisioned stack was made by the package itself."""
    cloud = cloud_at(s3)
    chosen = {**defaults(), "Warehouse": "provisioned", "NodeCount": "2"}
    change_set, changes = stack.prepare(cloud, MADE, chosen, None)
    assert changes
    stack.execute(cloud, MADE, change_set)
    found = stack.look(cloud, MADE)
    assert found is not None
    assert stack.wait(cloud, found, 1) == found
    yield cloud
    stack.delete(cloud, found)


def asked_for(kind: str) -> dict[str, Any]:
    filled = Filled(Warehouse="provisioned", NodeCount="2").of_kind(kind)
    return json.loads(json.dumps(filled).replace("sparkify-", f"{MADE}-"))


def test_each_resource_that_moto_knows_was_made(made: Cloud) -> None:
    told = made.ask("cloudformation", "list_stack_resources", StackName=MADE)
    there = {each.get("LogicalResourceId") for each in told["StackResourceSummaries"]}
    wanted = resources({**defaults(), "Warehouse": "provisioned"})
    unknown = ("BucketPolicy", "QueuePolicy", "Alarm", "SecurityGroupEgress")
    missing = {each.kind for each in wanted if each.name not in there}
    assert {kind.rpartition("::")[2] for kind in missing} == set(unknown)


def test_the_cluster_is_what_the_template_asks_for(made: Cloud) -> None:
    (there,) = made.ask("redshift", "describe_clusters", ClusterIdentifier=MADE)["Clusters"]
    (asked,) = asked_for("AWS::Redshift::Cluster").values()
    for key in ("NodeType", "MasterUsername", "DBName", "Encrypted", "PubliclyAccessible"):
        assert there[key] == asked[key], key
    assert there["NumberOfNodes"] == 2
    assert there["EnhancedVpcRouting"] is True
    group_name = there["ClusterSubnetGroupName"]
    told = made.ask("redshift", "describe_cluster_subnet_groups", ClusterSubnetGroupName=group_name)
    (group,) = told["ClusterSubnetGroups"]
    assert len(group["Subnets"]) == 3


def test_the_roles_have_the_policies_the_template_asks_for(made: Cloud) -> None:
    for role in asked_for("AWS::IAM::Role").values():
        (policy,) = role["Policies"]
        told = made.ask(
            "iam", "get_role_policy", RoleName=role["RoleName"], PolicyName=policy["PolicyName"]
        )
        document = ast.literal_eval(told["PolicyDocument"])  # moto 5.2 keeps Python's own text
        for there, asked in zip(
            filter(None, document["Statement"]), policy["PolicyDocument"]["Statement"], strict=True
        ):
            assert (there["Sid"], there["Action"]) == (asked["Sid"], asked["Action"])
            assert "*" not in (there["Resource"], there["Action"])


def test_the_queues_and_the_lake_are_what_the_template_asks_for(made: Cloud) -> None:
    asked = asked_for("AWS::SQS::Queue")
    for queue in asked.values():
        url = made.ask("sqs", "get_queue_url", QueueName=queue["QueueName"])["QueueUrl"]
        told = made.ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        there = told["Attributes"]
        assert there["MessageRetentionPeriod"] == str(queue["MessageRetentionPeriod"])
        if "RedrivePolicy" in queue:
            redrive = json.loads(there["RedrivePolicy"])
            assert redrive["maxReceiveCount"] == queue["RedrivePolicy"]["maxReceiveCount"]
            assert redrive["deadLetterTargetArn"].endswith(asked["DeadLetters"]["QueueName"])
    (lake,) = asked_for("AWS::S3::Bucket").values()
    bucket = lake["BucketName"]
    told = made.ask("s3", "get_bucket_encryption", Bucket=bucket)
    rules = told["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_network_has_no_way_in_and_the_warehouse_no_way_out_but_to_s3(made: Cloud) -> None:
    told = stack.look(made, MADE)
    assert told is not None
    loader = told.outputs["LoaderSubnetId"]
    (subnet,) = made.ask("ec2", "describe_subnets", SubnetIds=[loader])["Subnets"]
    of_it = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}]
    subnets = made.ask("ec2", "describe_subnets", Filters=of_it)["Subnets"]
    asked = {each["CidrBlock"] for each in asked_for("AWS::EC2::Subnet").values()}
    assert {each["CidrBlock"] for each in subnets} == asked
    tables = made.ask("ec2", "describe_route_tables", Filters=of_it)["RouteTables"]
    routes = [
        {route.get("DestinationCidrBlock", route["GatewayId"][:5]) for route in table["Routes"]}
        for table in tables
        if not any(each.get("Main") for each in table["Associations"])
    ]
    near, s3_alone = "10.31.0.0/16", "vpce-"
    assert sorted(routes, key=len) == [{near, s3_alone}, {near, s3_alone, "0.0.0.0/0"}]
    groups = made.ask("ec2", "describe_security_groups", Filters=of_it)["SecurityGroups"]
    let_in = [rule for each in groups if each["GroupName"] != "default"
              for rule in each["IpPermissions"]]  # fmt: skip
    assert [(rule["FromPort"], rule["IpRanges"]) for rule in let_in] == [(5439, [])]


# --------------------------------------------------------------------------------------------------
# Stopped
# --------------------------------------------------------------------------------------------------


def test_ctrl_c_says_that_aws_goes_on_and_create_takes_it_up_and_keeps_other_settings(
    tmp_path: Path, s3: S3Server
) -> None:
    s3.make_bucket("stopped-lake")
    words = ("cluster", "create", "stopped", "--provisioned", "--bucket", "s3://stopped-lake",
             "--yes")  # fmt: skip

    def passed(action: str) -> None:
        if action == "ExecuteChangeSet":
            process.send_signal(signal.SIGINT)

    with front(s3.endpoint, passed=passed) as endpoint:
        known = environment(s3.environ() | {"SPARKIFY_AWS__ENDPOINT_URL": endpoint})
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=tmp_path, env=known, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Stopped. AWS goes on with stopped by itself." in said
    for step in ("status", "create", "delete"):
        assert f"sparkify_dagster cluster {step} stopped\n" in said
    assert not (tmp_path / "dwh.cfg").exists()

    (tmp_path / "dwh.cfg").write_text("[DAYS]\nFIRST='2020-01-01'\n")
    again = run(tmp_path, s3.endpoint, s3, *words)
    assert again.code == 1
    assert "dwh.cfg is there and was left as it is. --force replaces it" in again.flat
    assert (tmp_path / "dwh.cfg").read_text() == "[DAYS]\nFIRST='2020-01-01'\n"
    other = run(tmp_path, s3.endpoint, s3, *words, "--output", "aws.cfg")
    assert other.code == 0, other.flat
    assert "Nothing to change: it is there as asked for." in other.out
    assert "CLUSTER_ID='stopped'" in (tmp_path / "aws.cfg").read_text()
    wrong = run(tmp_path, s3.endpoint, s3, "cluster", "delete", "stopped", "--confirm", "stoped")
    assert (wrong.code, "Nothing was deleted" in wrong.out) == (1, True)


_OFFLINE = """
import sys
def noted(event, words):
    if event in ("socket.connect", "socket.getaddrinfo"):
        sys.exit(f"asked the network: {words}")
sys.addaudithook(noted)
sys.argv = ["sparkify", "cluster", "plan", "dwh", "--set", "DailyRpuHours=4"]
from sparkify_dagster.cli import main
main()
"""


def test_the_plan_needs_no_account_and_no_network(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", _OFFLINE], cwd=tmp_path, env=environment({}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    for piece in ("RedshiftServerless::Workgroup", "$3.00", "$46.50", "The bound: ",
                  "cluster create dwh --set DailyRpuHours=4"):  # fmt: skip
        assert piece in told.stdout


@pytest.mark.drill
def test_a_command_killed_at_any_step_and_begun_again_ends_in_the_same_state(
    tmp_path: Path, s3: S3Server
) -> None:
    s3.make_bucket("killed-lake")
    create = ("cluster", "create", "killed", "--provisioned", "--bucket", "killed-lake", "--yes",
              "--force")  # fmt: skip
    delete = ("cluster", "delete", "killed", "--confirm", "killed")

    def killed(words: tuple[str, ...], at: int) -> bool:
        """Types a command and kills it at a request that was carried out; whether it came to it."""
        seen = 0

        def passed(action: str) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                process.kill()
                process.wait()

        with front(s3.endpoint, passed=passed) as endpoint:
            known = environment(s3.environ() | {"SPARKIFY_AWS__ENDPOINT_URL": endpoint})
            process = subprocess.Popen(
                [*COMMAND, *words], cwd=tmp_path, env=known,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            process.wait(120)
        return seen >= at

    cloud = cloud_at(s3)

    def state() -> tuple[str, str, list[str]]:
        heard = s3.client().get_bucket_notification_configuration(Bucket="killed-lake")
        queues = [each["QueueArn"] for each in heard.get("QueueConfigurations", ())]
        found = stack.look(cloud, "killed")
        if found is None:
            return "", "", queues
        now = beside.state(cloud, "killed", "provisioned").status
        return found.status.replace("UPDATE", "CREATE"), now, queues

    whole = None
    for at in itertools.count(1):
        reached = killed(create, at)
        again = run(tmp_path, s3.endpoint, s3, *create)
        assert again.code == 0, (at, again.flat)
        whole = whole or state()
        assert state() == whole, at
        assert "CLUSTER_ID='killed'" in (tmp_path / "dwh.cfg").read_text()
        reached = killed(delete, at) or reached
        again = run(tmp_path, s3.endpoint, s3, *delete)
        assert again.code == 0 or "There is no killed" in again.err, (at, again.flat)
        assert state()[0] == "", at
        (tmp_path / "dwh.cfg").unlink()
        if not reached:
            break
    assert at > 10, "it asks more of AWS than that"
    assert whole == ("CREATE_COMPLETE", "available",
                     ["arn:aws:sqs:us-west-2:123456789012:killed-lake-events"])  # fmt: skip
