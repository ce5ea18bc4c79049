"""Names used by several processes: subjects, streams, buckets, annotations."""

from __future__ import annotations

VERSION = "0.1.0"

DEFAULT_NAMESPACE = "openfaas-fn"
"""faas-cli appends it to every function name; ``fig.openfaas-fn`` is
``fig``."""

_DEFAULT_SUFFIX = "." + DEFAULT_NAMESPACE

DEFAULT_QUEUE = "faas-request"
"""Subject of the default queue, as in OpenFaaS's ``faas_nats_channel``."""

WORKER_CONSUMER = "faas-workers"
"""Durable pull consumer that all queue-workers of a queue share."""

CALLBACK_STREAM = "LAB_CALLBACKS"
CALLBACK_SUBJECT = "lab.callbacks"
"""Queue of results whose first callback request failed: they wait here for the
next one."""

CALLBACK_CONSUMER = "callback-workers"

RESULT_STREAM = "LAB_RESULTS"
RESULT_SUBJECT = "lab.results"
"""The result of a call is the last message on ``lab.results.<job token>``."""

CANCELLED_BUCKET = "cancelled"
"""Key-value bucket of cancelled calls; keys are their job tokens."""

CALL_STATUS_SUBJECT = "lab.record.call"
"""The inspector answers a request ``{"id": …, "function": …}`` on this subject
with the status of that call."""

WORKER_SUBJECT = "lab.worker.joined"
"""A queue-worker publishes ``{"queue": …, "worker": …}`` here when it begins
to serve a queue."""

QUEUE_SUBJECT = "lab.queue.created"
"""The gateway publishes the name of a queue here once the queue's stream
exists."""

EVENT_STREAM = "LAB_EVENTS"
EVENT_SUBJECT = "lab.events"
"""Events of service S are published on ``lab.events.S``."""

FUNCTION_BUCKET = "functions"
"""Key-value bucket of deployed functions; a restarted gateway reads it."""

GATEWAY_ALIASES = frozenset(
    {"gateway", "gateway.openfaas", "gateway.openfaas.svc", "gateway.openfaas.svc.cluster.local"}
)
"""Host names that lead to the gateway in an OpenFaaS cluster, and to the lab's
own gateway here."""

JUPYTER_PAGE, JUPYTER_GATEWAY = "labkit", "labkit-gateway"
"""Under these paths Jupyter's server proxies to inspector and gateway."""

STATIC_PATH = "/home/app/public"
"""Folder that the watchdog's mode static serves, unless ``static_path`` is
set."""

# Header names, spelled as in OpenFaaS.

QUEUE_ANNOTATION = "com.openfaas.queue"
"""Annotation of a function: the queue for its asynchronous calls."""
RETRY_ANNOTATIONS = "com.openfaas.retry."
"""Prefix of the annotations ``attempts``, ``min_wait``, ``max_wait``,
``codes`` and ``backoff``."""

QUEUE_WORKER_USER_AGENT = f"openfaas-ce/nats-queue-worker (labkit {VERSION})"
GATEWAY_USER_AGENT = f"openfaas-ce-gateway/{VERSION}"


def event_subject(service: str) -> str:
    """Return the subject of a service's events."""
    return f"{EVENT_SUBJECT}.{service}"


def split_function_name(name: str) -> tuple[str, str]:
    """Split ``fn.ns`` at its last dot; a missing namespace is the default."""
    function, dot, namespace = name.rpartition(".")
    return (function, namespace) if dot else (name, DEFAULT_NAMESPACE)


def short_function_name(name: str) -> str:
    """Return a function name without the default namespace."""
    return name.removesuffix(_DEFAULT_SUFFIX)
