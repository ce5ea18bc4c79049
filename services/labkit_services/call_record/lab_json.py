"""Queues, services and functions, as the inspector's API has them."""

from __future__ import annotations

from typing import Any

from labkit_services.contract.names import QUEUE_ANNOTATION


def queue_to_json(queue: dict[str, Any]) -> dict[str, Any]:
    """Return a queue of the gateway's API as the inspector's."""
    return {
        "name": queue["name"],
        "depth": queue["pending"],
        "in_flight": queue["inFlight"],
        "redelivered": queue["redelivered"],
        "waiting_for_retry": queue["waitingForRetry"],
        "max_inflight": queue["maxInflight"],
        "dead_letters": queue["dead"],
        "oldest_seconds": queue["oldestSeconds"],
        "submitted": queue["submitted"],
        "workers": [
            {
                "name": worker["name"],
                "max_inflight": worker["maxInflight"],
                "in_flight": worker["inFlight"],
                "processed": worker["processed"],
                "redelivered": worker["redelivered"],
            }
            for worker in queue["workers"]
        ],
    }


def services_to_json(status: dict[str, Any]) -> dict[str, Any]:
    """Return the supervisor's status without what changes all the time."""
    faults = [f"{fault['fault']} of {fault['service']}" for fault in status.get("faults", ())]
    return {
        "state": status["state"],
        "services": status["services"],
        "faults": faults,
        "workers": status["workers"],
        "max_inflight": status["max_inflight"],
        "last_reset": status["last_reset"],
    }


def function_to_json(function: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a function of the gateway's API as the inspector's."""
    annotations = function.get("annotations") or {}
    name = function["name"]
    return {
        "name": name,
        "namespace": function.get("namespace", ""),
        "image": function.get("image", ""),
        "process": function.get("envProcess", ""),
        "replicas": function.get("replicas", 0),
        "available": function.get("availableReplicas", 0),
        "invocations": function.get("invocationCount", 0),
        "queue": annotations.get(QUEUE_ANNOTATION, ""),
        "labels": function.get("labels") or {},
        "annotations": annotations,
        "url": f"{url}/function/{name}",
    }


def without_memory(document: dict[str, Any]) -> dict[str, Any]:
    """Return what changes of a document only if something happens."""
    services = [{**service, "memory": 0} for service in document.get("services", ())]
    return {**document, "services": services}
