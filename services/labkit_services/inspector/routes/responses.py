"""Response rules of a bin: the whole list, or the rule of one method."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from labkit_services.contract.compact_json import encode
from labkit_services.contract.errors import InvalidValueError
from labkit_services.contract.json_input import InvalidJsonError, read_json
from labkit_services.http import Request, Response
from labkit_services.inspector.errors import NotFoundError
from labkit_services.inspector.responding.bin_rules import BinRules
from labkit_services.inspector.responding.rule_input import check_method, parse_rules, warnings
from labkit_services.inspector.routes.route_group import PathValues, Route, find_bin
from labkit_services.inspector.storage.bin_store import BinStore

_BYTES = 2 * 1024 * 1024
_Documents = tuple[dict[str, Any], ...]


class ResponseRoutes:
    """The routes of rules.

    A change restarts all sequences of the bin, even one to the same rules.
    """

    def __init__(self, store: BinStore, rules: BinRules) -> None:
        self._store = store
        self._rules = rules
        self.routes: list[Route] = [
            ("GET", "/api/v1/bins/{bin}/responses", self._list),
            ("PUT", "/api/v1/bins/{bin}/responses", self._put_all),
            ("DELETE", "/api/v1/bins/{bin}/responses", self._delete_all),
            ("GET", "/api/v1/bins/{bin}/responses/{method}", self._get),
            ("PUT", "/api/v1/bins/{bin}/responses/{method}", self._put),
            ("DELETE", "/api/v1/bins/{bin}/responses/{method}", self._delete),
        ]

    async def _list(self, _request: Request, path: PathValues) -> Response:
        stored = find_bin(self._store, path)
        return self._response(stored.name, stored.settings.rules)

    async def _put_all(self, request: Request, path: PathValues) -> Response:
        """Replace all rules by a list, ``{"rules": [...]}``, or one rule."""
        document = await _read(request)
        if isinstance(document, dict):
            document = document["rules"] if document.keys() == {"rules"} else [document]
        return self._change(path, document)

    async def _delete_all(self, _request: Request, path: PathValues) -> Response:
        self._change(path, [])
        return Response(204)

    # -- the rule of one method

    async def _get(self, _request: Request, path: PathValues) -> Response:
        method = _method(path)
        for rule in find_bin(self._store, path).settings.rules:
            if rule.get("method") == method:
                return Response.json(200, rule)
        raise NotFoundError(f"the bin has no rule for {method}", next_step="see all: GET …/responses")

    async def _put(self, request: Request, path: PathValues) -> Response:
        """Replace the method's rules by one; it is tried before all others."""
        method, rule = _method(path), await _read(request)
        if not isinstance(rule, dict) or rule.get("method", method) != method:
            expected = f"an object; its method, if it has one, is {method}"
            raise InvalidValueError("this is no rule of this method", expected=expected)
        return self._change(path, [{"method": method, **rule}, *self._without(path, method)])

    async def _delete(self, _request: Request, path: PathValues) -> Response:
        self._change(path, self._without(path, _method(path)))
        return Response(204)

    def _without(self, path: PathValues, method: str) -> list[dict[str, Any]]:
        return [rule for rule in find_bin(self._store, path).settings.rules if rule.get("method") != method]

    def _change(self, path: PathValues, documents: object) -> Response:
        stored = find_bin(self._store, path)
        if isinstance(documents, list):
            # Clients send back what they got.
            documents = [_without_count(document) for document in documents]
        rules = parse_rules(documents)
        assert isinstance(documents, list)
        if (size := len(encode(documents))) > _BYTES:
            expected = f"at most {_BYTES} bytes for all rules of a bin"
            raise InvalidValueError("the rules are too large", expected=expected, seen=f"{size} bytes")
        for document, rule in zip(documents, rules, strict=True):
            if rule.method:
                document["method"] = rule.method
        self._store.change_settings(stored.name, rules=tuple(documents))
        self._rules.restart(stored.name)
        return self._response(stored.name, tuple(documents), warnings(rules))

    def _response(self, name: str, documents: _Documents, found: list[str] | None = None) -> Response:
        used = self._rules.used(name, documents)
        rules = [{**document, "used": count} for document, count in zip(documents, used, strict=True)]
        return Response.json(200, {"rules": rules, **({"warnings": found} if found else {})})


def _without_count(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name != "used"}


def _method(path: PathValues) -> str:
    return check_method(unquote(path["method"]), "the path's last part")


async def _read(request: Request) -> Any:
    body = await request.body(_BYTES)
    try:
        return read_json(body or b"[]")
    except InvalidJsonError as error:
        raise InvalidValueError(
            "the body is not JSON", expected="a rule, or a list", seen=str(error)
        ) from None
