"""Reading AlertManager's webhook."""

from __future__ import annotations

from typing import Any

from labkit_services.http import HttpError

BAD_ALERT = "Unable to parse alert, bad format.\n"


def alerts_of(body: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return each alert's function, and whether it fires; otherwise it is resolved.

    Raises:
        HttpError: 400, in OpenFaaS's words (gateway/handlers/alerthandler.go).
    """
    _texts(body, "status", "receiver")
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise _bad_format()
    found = []
    for alert in alerts:
        labels = alert.get("labels") if isinstance(alert, dict) else None
        if not isinstance(labels, dict) or "function_name" not in labels:
            raise _bad_format()
        _texts(alert, "status")
        _texts(labels, "function_name", "alertname")
        found.append((labels["function_name"], alert.get("status") == "firing"))
    return found


def _texts(values: dict[str, Any], *names: str) -> None:
    if not all(isinstance(values.get(name, ""), str) for name in names):
        raise _bad_format()


def _bad_format() -> HttpError:
    return HttpError(400, BAD_ALERT)
