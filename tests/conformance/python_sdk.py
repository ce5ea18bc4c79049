"""The requests of OpenFaaS's Python SDK, and the shapes that it accepts.

The SDK (github.com/openfaas/python-sdk, openfaas_sdk 0.1) is in no package
registry. These are its requests, sent by the same library and with the same
headers, and the fields and types of its models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import requests

TEXTS = dict[str, str]
VERSION = {"commit_message": str, "sha": str, "release": str}
SYSTEM_INFO: dict[str, Any] = {
    "arch": str,
    "provider": {"provider": str, "version": VERSION, "orchestration": str},
    "version": VERSION,
}
RESOURCES = {"memory": str, "cpu": str}
FUNCTION_STATUS: dict[str, Any] = {
    "name": str,
    "image": str,
    "namespace": str,
    "envProcess": str,
    "envVars": TEXTS,
    "constraints": list,
    "secrets": list,
    "labels": TEXTS,
    "annotations": TEXTS,
    "limits": RESOURCES,
    "requests": RESOURCES,
    "readOnlyRootFilesystem": bool,
    "invocationCount": float,
    "replicas": int,
    "availableReplicas": int,
    "createdAt": datetime,
    "usage": {"cpu": float, "totalMemoryBytes": float},
}
NAMESPACE: dict[str, Any] = {"name": str, "labels": TEXTS, "annotations": TEXTS}
SECRET: dict[str, Any] = {"name": str, "namespace": str, "value": str}
LOG_MESSAGE = {"name": str, "namespace": str, "instance": str, "timestamp": datetime, "text": str}


class SdkError(Exception):
    """The SDK's exception for a status; ``kind`` is its class."""

    KINDS: Mapping[int, str] = {404: "NotFoundError", 401: "UnauthorizedError", 403: "ForbiddenError"}

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"{response.status_code}: {response.text}")
        self.kind = self.KINDS.get(response.status_code, "UnexpectedStatusError")


def parsed(shape: Mapping[str, Any], content: Any) -> dict[str, Any]:
    """Return the known fields of an object; a wrong type fails.

    As in the SDK's models, unknown fields are ignored. Optional fields may be null.
    """
    assert isinstance(content, dict), content
    found: dict[str, Any] = {}
    for field, kind in shape.items():
        value = content.get(field)
        if value is None:
            continue
        if isinstance(kind, Mapping):
            value = parsed(kind, value)
        elif kind is datetime:
            value = datetime.fromisoformat(value)
        elif kind == TEXTS:
            assert all(isinstance(text, str) for pair in value.items() for text in pair), (field, value)
        elif kind is float:
            assert isinstance(value, int | float), (field, value)
        else:
            assert isinstance(value, kind), (field, value)
            assert kind is not int or not isinstance(value, bool), (field, value)
        found[field] = value
    return found


class Sdk:
    """The methods of the SDK's ``Client``."""

    def __init__(self, gateway_url: str, user: str = "", password: str = "") -> None:
        self._url = gateway_url
        self._auth = (user, password) if user else None
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["User-Agent"] = "openfaas-python-sdk/0.1.0"

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def _request(self, method: str, path: str, **more: Any) -> requests.Response:
        response = self._http.request(method, self._url + path, auth=self._auth, timeout=30, **more)
        if not response.ok:
            raise SdkError(response)
        return response

    def get_info(self) -> dict[str, Any]:
        return parsed(SYSTEM_INFO, self._request("GET", "/system/info").json())

    def get_namespaces(self) -> list[str]:
        return list(self._request("GET", "/system/namespaces").json())

    def get_namespace(self, name: str) -> dict[str, Any]:
        return parsed(NAMESPACE, self._request("GET", f"/system/namespace/{name}").json())

    def create_namespace(self, spec: dict[str, Any]) -> int:
        return self._request("POST", "/system/namespace/", json=self._marked(spec)).status_code

    def update_namespace(self, spec: dict[str, Any]) -> int:
        path = f"/system/namespace/{spec['name']}"
        return self._request("PUT", path, json=self._marked(spec)).status_code

    def delete_namespace(self, name: str) -> None:
        self._request("DELETE", f"/system/namespace/{name}", json=self._marked({"name": name}))

    @staticmethod
    def _marked(spec: dict[str, Any]) -> dict[str, Any]:
        marks = {part: {**spec.get(part, {}), "openfaas": "1"} for part in ("labels", "annotations")}
        return {**spec, **marks}

    def get_functions(self, namespace: str | None = None) -> list[dict[str, Any]]:
        found = self._request("GET", "/system/functions", params=self._placed(namespace)).json()
        return [parsed(FUNCTION_STATUS, each) for each in found]

    def get_function(self, name: str, namespace: str | None = None) -> dict[str, Any]:
        response = self._request("GET", f"/system/function/{name}", params=self._placed(namespace))
        return parsed(FUNCTION_STATUS, response.json())

    def deploy(self, spec: dict[str, Any]) -> int:
        return self._request("POST", "/system/functions", json=spec).status_code

    def update(self, spec: dict[str, Any]) -> int:
        return self._request("PUT", "/system/functions", json=spec).status_code

    def delete_function(self, name: str, namespace: str | None = None) -> None:
        self._request("DELETE", "/system/functions", json={"functionName": name, **self._placed(namespace)})

    def scale_function(self, name: str, replicas: int, namespace: str | None = None) -> None:
        body = {"serviceName": name, "replicas": replicas, **self._placed(namespace)}
        self._request("POST", f"/system/scale-function/{name}", json=body)

    def get_secrets(self, namespace: str | None = None) -> list[dict[str, Any]]:
        found = self._request("GET", "/system/secrets", params=self._placed(namespace)).json()
        return [parsed(SECRET, each) for each in found]

    def create_secret(self, spec: dict[str, str]) -> int:
        return self._request("POST", "/system/secrets", json=spec).status_code

    def update_secret(self, spec: dict[str, str]) -> int:
        return self._request("PUT", "/system/secrets", json=spec).status_code

    def delete_secret(self, name: str, namespace: str | None = None) -> None:
        self._request("DELETE", "/system/secrets", json={"name": name, **self._placed(namespace)})

    def get_logs(self, name: str, namespace: str | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield messages; ``query`` may have tail, follow and since (a datetime)."""
        params = {"name": name, **self._placed(namespace), **query}
        params["follow"] = "1" if query.get("follow") else "0"
        if "since" in query:
            params["since"] = query["since"].isoformat()
        with self._request("GET", "/system/logs", params=params, stream=True) as response:
            for line in response.iter_lines():
                if line.strip():
                    yield parsed(LOG_MESSAGE, json.loads(line))

    def invoke_function(
        self,
        name: str,
        namespace: str = "openfaas-fn",
        *,
        method: str,
        payload: bytes | str | None = None,
        **more: Any,
    ) -> requests.Response:
        """Invoke; ``more`` may have headers and query_params."""
        return self._invoke(method, f"/function/{name}.{namespace}", payload, **more)

    def invoke_function_async(
        self,
        name: str,
        namespace: str = "openfaas-fn",
        *,
        payload: bytes | str | None = None,
        callback_url: str | None = None,
        **more: Any,
    ) -> requests.Response:
        """Queue an invocation; ``more`` may have headers and query_params."""
        headers = {**more.pop("headers", {})}
        if callback_url is not None:
            headers["X-Callback-Url"] = callback_url
        return self._invoke("POST", f"/async-function/{name}.{namespace}", payload, headers=headers, **more)

    def _invoke(self, method: str, path: str, payload: bytes | str | None, **more: Any) -> requests.Response:
        data = payload.encode() if isinstance(payload, str) else payload
        return self._http.request(
            method,
            self._url + path,
            data=data,
            headers=more.get("headers", {}),
            params=more.get("query_params"),
            timeout=30,
        )

    @staticmethod
    def _placed(namespace: str | None) -> dict[str, str]:
        return {"namespace": namespace} if namespace else {}
