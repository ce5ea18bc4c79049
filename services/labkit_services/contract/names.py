"""Subjects, streams, headers and aliases that more than one part must spell alike."""

from __future__ import annotations

VERSION = "0.1.0"

DEFAULT_NAMESPACE = "openfaas-fn"
"""Namespace that faas-cli adds to every name; ``fig.openfaas-fn`` is ``fig``."""

DEFAULT_QUEUE = "faas-request"
"""Subject of the default queue, as in OpenFaaS's ``faas_nats_channel``."""

WORKER_CONSUMER = "faas-workers"
"""Durable pull consumer that all queue-workers of a queue share."""

CALLBACK_STREAM = "LAB_CALLBACKS"
CALLBACK_SUBJECT = "lab.callbacks"
"""Results whose callback could not be posted at once wait here for the next try."""

CALLBACK_CONSUMER = "callback-workers"

RESULT_STREAM = "LAB_RESULTS"
RESULT_SUBJECT = "lab.results"
"""The result of call C is kept for a while as the last message on ``lab.results.<token of C>``."""

CANCELLED_BUCKET = "cancelled"
"""Key-value bucket of the calls that were taken back, by the token of their ids."""

RECORD_SUBJECT = "lab.record.call"
"""Whoever keeps the record of calls answers ``{"id": …}`` here with what is known of that call."""

QUEUE_SUBJECT = "lab.queue.created"
"""The name of a queue is published here once its stream exists."""

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

STATIC_PATH = "/home/app/public"
"""Folder whose files mode static serves, unless ``static_path`` names another."""

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
RETRY = "X-Retry"
RETRY_MAX = "X-Retry-Max"
"""On a callback: how many times the call was tried again, and at most would be (OpenFaaS Pro)."""
ATTEMPT = "X-Attempt"
"""Tells a function which attempt at the call this is, from 1: an addition of the lab's."""

DUPLICATE = "X-Duplicate"
"""On a 202: a call of that id was accepted before, and runs once. An addition of the lab's."""

QUEUE_ANNOTATION = "com.openfaas.queue"
"""A function's annotation: the queue that its calls go to."""
RETRY_ANNOTATIONS = "com.openfaas.retry."
"""Annotations about retries: ``attempts``, ``min_wait``, ``max_wait``, ``codes``, ``backoff`` follow."""

QUEUE_WORKER_USER_AGENT = f"openfaas-ce/nats-queue-worker (labkit {VERSION})"
GATEWAY_USER_AGENT = f"openfaas-ce-gateway/{VERSION}"


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


def inspector_page(url: str, token: str) -> str:
    """Return the address of the inspector's page with the token that opens it."""
    return f"{url}/?token={token}"
