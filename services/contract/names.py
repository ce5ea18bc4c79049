"""Subjects, streams, headers and aliases that more than one part must spell alike."""

from __future__ import annotations

VERSION = "0.1.0"

DEFAULT_NAMESPACE = "openfaas-fn"
"""Namespace that faas-cli adds to every name; ``fig.openfaas-fn`` is ``fig``."""

DEFAULT_QUEUE = "faas-request"
"""Subject of the default queue, as in OpenFaaS's ``faas_nats_channel``."""

WORKER_CONSUMER = "faas-workers"
"""Durable pull consumer that all queue-workers of a queue share."""

EVENT_STREAM = "LAB_EVENTS"
EVENT_SUBJECT = "lab.events"
"""Events of service S travel on ``lab.events.S``."""

FUNCTION_BUCKET = "functions"
"""Key-value bucket of deployed functions: a restarted gateway finds them again."""

GATEWAY_ALIASES = frozenset({"gateway", "gateway.openfaas", "gateway.openfaas.svc.cluster.local"})
"""Host names under which a worker or a function reaches the lab's own gateway."""

GATEWAY_ALIAS_PORT = 8080

DEFAULT_GATEWAY_PORT = 8080
DEFAULT_INSPECTOR_PORT = 8090

# Header names, in the spelling OpenFaaS uses.
CALL_ID = "X-Call-Id"
START_TIME = "X-Start-Time"
CALLBACK_URL = "X-Callback-Url"
DURATION_SECONDS = "X-Duration-Seconds"
FUNCTION_STATUS = "X-Function-Status"
FUNCTION_NAME = "X-Function-Name"
SERVED_BY = "X-Served-By"
INTERNAL = "X-OpenFaaS-Internal"
"""Set on an error made by the platform, not by the function."""

QUEUE_WORKER_USER_AGENT = f"openfaas-ce/nats-queue-worker (labkit {VERSION})"
GATEWAY_USER_AGENT = f"openfaas-ce-gateway/{VERSION}"


def queue_stream(queue: str) -> str:
    """Return the name of the stream that holds ``queue``.

    OpenFaaS Pro uses ``OF_<queue>``; dots, which JetStream forbids in a
    stream name, become underscores.
    """
    return "OF_" + queue.replace(".", "_")


def event_subject(service: str) -> str:
    """Return the subject on which ``service`` publishes its events."""
    return f"{EVENT_SUBJECT}.{service}"


def split_function_name(name: str) -> tuple[str, str]:
    """Split ``fn.ns`` at the last dot into (function, namespace).

    Without a dot the namespace is the default one.
    """
    function, dot, namespace = name.rpartition(".")
    return (function, namespace) if dot else (name, DEFAULT_NAMESPACE)


def short_function_name(name: str) -> str:
    """Return ``name`` as the learner wrote it, without the default namespace."""
    return name.removesuffix("." + DEFAULT_NAMESPACE)


def worker_control_subject(queue: str) -> str:
    """Return where the workers of ``queue`` take requests such as ``{"max_inflight": 10}``."""
    return f"lab.control.queue-worker.{queue}"
