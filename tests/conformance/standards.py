"""The requests of OpenFaaS's certifier, by its client of 2022 and today's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from eventually import eventually

DEFAULT = "openfaas-fn"
NAMESPACE = "certifier-test"
IMAGE = "docker.io/functions/alpine:latest"


@dataclass(frozen=True)
class Certifier:
    """Sends requests as the certifier does.

    Attributes:
        http: A client with the gateway's credentials.
        namespace: Namespace of its functions.
        era: The client of 2022 puts the namespace of a delete and a scale into the
            query, today's into the body. Both leave out the default namespace.
    """

    http: httpx.Client
    namespace: str
    era: str

    def _placed(self, body: dict[str, Any]) -> dict[str, Any]:
        own = {} if self.namespace == DEFAULT else {"namespace": self.namespace}
        if self.era == "2022":
            return {"json": body, "params": own}
        return {"json": body | own}

    @property
    def _query(self) -> dict[str, str]:
        return {"namespace": self.namespace}

    def deploy(self, name: str, process: str = "", *, method: str = "POST", **more: Any) -> None:
        """Deploy a function, removing an older one of that name first."""
        if method == "POST":
            self.delete(name, missing_ok=True)
        body = {"service": name, "image": IMAGE, "envProcess": process, "namespace": self.namespace}
        # Go's client sends null for unset fields.
        body |= {"labels": None, "annotations": None, "envVars": None} | more
        answer = self.http.request(method, "/system/functions", json=body)
        assert answer.status_code in (200, 202), answer.text

    def delete(self, name: str, *, missing_ok: bool = False) -> None:
        answer = self.http.request("DELETE", "/system/functions", **self._placed({"functionName": name}))
        assert answer.status_code in (200, 202, *([404] if missing_ok else [])), answer.text

    def scale(self, name: str, replicas: int) -> None:
        body = {"serviceName": name, "replicas": replicas}
        answer = self.http.post(f"/system/scale-function/{name}", **self._placed(body))
        assert answer.status_code in (200, 202), answer.text

    def get(self, name: str) -> dict[str, Any]:
        answer = self.http.get(f"/system/function/{name}", params=self._query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def list(self) -> list[dict[str, Any]]:
        answer = self.http.get("/system/functions", params=self._query)
        assert answer.status_code == 200
        return list(answer.json())

    def invoke(self, name: str, *, verb: str = "POST", query: str = "", body: str = "") -> httpx.Response:
        """Call ``name.namespace`` until it succeeds, up to 30 x 0.75 s."""
        url = f"/function/{name}.{self.namespace}" + (f"?{query}" if query else "")
        answers: list[httpx.Response] = []

        def done() -> bool:
            answers.append(self.http.request(verb, url, content=body, auth=None))
            assert answers[-1].status_code != 401
            return answers[-1].status_code in (200, 302)

        eventually(done, within=22.5)
        return answers[-1]

    def secret(self, method: str, name: str, **value: str) -> int:
        body = {"name": name, "namespace": self.namespace, **value}
        return self.http.request(method, "/system/secrets", json=body).status_code

    def secrets(self) -> list[str]:
        return [secret["name"] for secret in self.http.get("/system/secrets", params=self._query).json()]
