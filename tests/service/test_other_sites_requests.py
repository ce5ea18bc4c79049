"""Every route that changes something refuses what another site's page can send."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import httpx
import pytest
from labs import start_lab

from labkit import Lab

CANCEL = ("/async-function/{name}", "delete")
"""Functions themselves are public endpoints, as in OpenFaaS."""
JSON = {"Content-Type": "application/json"}
PAGES = [
    {"Origin": "null"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
HOSTS = ["evil.example", "EVIL.example.:80", "127.0.0.1.evil.example", "[::1].evil.example"]
FORMS = ["text/plain", "TEXT/PLAIN ;a=b", "multipart/form-data; boundary=x", "text/plain; application/json"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def changes(lab: Lab) -> list[tuple[str, str, dict[str, str]]]:
    """(method, URL, credentials) of each route that changes something."""
    state = lab.aio.state
    document = httpx.get(f"{state.gateway_url}/openapi.json", trust_env=False).json()
    found = [
        (method.upper(), state.gateway_url + re.sub("{.*?}", "x", path))
        for path, methods in document["paths"].items()
        for method in methods
        if (method in ("post", "put", "delete") and path.startswith("/system/")) or (path, method) == CANCEL
    ]
    basic = "Basic " + base64.b64encode(f"{state.user}:{state.password}".encode()).decode()
    routes = [(method, url, {"Authorization": basic}) for method, url in found]
    bins = f"{state.inspector_url}/api/v1/bins"
    token = {"Authorization": f"Bearer {state.inspector_token}"}
    for method, path in (("POST", ""), ("PUT", "/b"), ("DELETE", "/b"), ("DELETE", "/b/requests")):
        routes.append((method, bins + path, token))
    return routes


def test_the_routes_that_change_something_are_known(changes: list[tuple[str, str, dict[str, str]]]) -> None:
    paths = [url.partition("//")[2].partition("/")[2] for _, url, _ in changes]
    assert {"system/functions", "system/secrets", "async-function/x", "api/v1/bins"} <= set(paths)
    assert len(changes) >= 20


@pytest.mark.parametrize("marks", PAGES, ids=str)
def test_no_page_of_another_site_changes_anything(
    changes: list[tuple[str, str, dict[str, str]]], marks: dict[str, str]
) -> None:
    with httpx.Client(trust_env=False) as client:
        for method, url, login in changes:
            answer = client.request(method, url, headers={**JSON, **login, **marks}, content="{}")
            assert answer.status_code == 403, (method, url, answer.text)


@pytest.mark.parametrize("host", HOSTS)
def test_no_route_but_a_function_answers_to_a_foreign_host_name(
    lab: Lab, changes: list[tuple[str, str, dict[str, str]]], host: str
) -> None:
    gateway = lab.gateway_url
    reads = ("/async-function/x", "/async-function/x/result")
    read: list[tuple[str, str, dict[str, str]]] = [("GET", gateway + path, {}) for path in reads]
    with httpx.Client(trust_env=False) as client:
        for method, url, login in [*changes, *read]:
            answer = client.request(method, url, headers={**JSON, **login, "Host": host}, content="{}")
            assert answer.status_code == 403, (method, url, answer.text)
            assert "allowed_hosts" in answer.text


@pytest.mark.parametrize("content_type", FORMS)
def test_no_route_takes_the_body_of_a_form(
    changes: list[tuple[str, str, dict[str, str]]], content_type: str
) -> None:
    with httpx.Client(trust_env=False) as client:
        for method, url, login in changes:
            headers = {**login, "Content-Type": content_type}
            assert client.request(method, url, headers=headers, content="{}").status_code == 415, (
                method,
                url,
            )


def test_a_foreign_host_name_creates_no_bin(lab: Lab) -> None:
    state = lab.aio.state
    marks = {"Host": "evil.example:80", "Origin": "http://evil.example"}
    answer = httpx.post(f"{state.inspector_url}/r/rebound", headers=marks, content="x", trust_env=False)
    assert answer.status_code == 403
    token = {"Authorization": f"Bearer {state.inspector_token}"}
    listed = httpx.get(f"{state.inspector_url}/api/v1/bins", headers=token, trust_env=False).json()["bins"]
    assert "rebound" not in [each["name"] for each in listed]
