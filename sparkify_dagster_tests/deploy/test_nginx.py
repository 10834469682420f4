"""nginx in front of the UI: who is not known, and what comes from elsewhere, gets no further.

That what is let through works, behind it and over websockets, is `test_services`' business.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from sparkify_dagster_tests.deploy import nginx
from sparkify_dagster_tests.deploy.services import free_port

pytestmark = pytest.mark.skipif(nginx.NGINX is None, reason="needs nginx, which .ci/run installs")
BEHIND = 502
"""What nginx says where nobody listens behind it: it has let the request through."""
JSON = "application/json"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nginx.Nginx]:
    with nginx.running(tmp_path_factory.mktemp("nginx"), free_port(), free_port()) as running:
        yield running


@pytest.mark.parametrize("host", [nginx.OPERATORS, nginx.ANALYSTS])
def test_who_has_no_login_is_asked_for_one(front: nginx.Nginx, host: str) -> None:
    assert front.ask("/", host, login=False)[0] == 401
    assert front.ask("/server_info", host, login=False)[0] == 401
    assert front.ask("/graphql", host, "POST", "{}", login=False, Content_Type=JSON)[0] == 401
    assert front.ask("/", host, login=False, Authorization="Basic YWRhOnh4")[0] == 401
    assert front.ask("/", host)[0] == BEHIND


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": f"https://{nginx.OPERATORS}.evil.example"},
        {"Origin": f"https://{nginx.OPERATORS}"},  # Another port is another origin.
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": ""},
    ],
)
def test_graphql_is_not_asked_from_another_page(
    front: nginx.Nginx, headers: dict[str, str]
) -> None:
    asked = {"Content_Type": JSON} | headers
    assert front.ask("/graphql", method="POST", body="{}", **asked)[0] == 403


def test_no_link_is_a_mutation(front: nginx.Nginx) -> None:
    assert front.ask("/graphql?query=mutation{x}")[0] == 403


def test_the_ui_itself_asks_what_it_likes(front: nginx.Nginx) -> None:
    own = {"Origin": f"https://{nginx.OPERATORS}:{front.port}", "Sec_Fetch_Site": "same-origin"}
    asked = own | {"Content_Type": f"{JSON}; charset=utf-8"}
    assert front.ask("/graphql", method="POST", body="{}", **asked)[0] == BEHIND
    assert front.ask("/graphql", **own, Upgrade="websocket", Connection="Upgrade")[0] == BEHIND
    # A link in a chat leads to a page.
    assert front.ask("/runs/1", Sec_Fetch_Site="cross-site")[0] == BEHIND


def test_a_websocket_from_another_page_is_refused(front: nginx.Nginx) -> None:
    asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "https://x.example"}
    assert front.ask("/graphql", **asked)[0] == 403


def test_another_name_gets_no_answer(front: nginx.Nginx) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        front.ask("/", "127.0.0.1")
