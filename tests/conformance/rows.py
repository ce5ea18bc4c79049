"""What OpenFaaS does, row by row, as far as we hold ourselves to it.

1 is the gateway, 2 the queue and its worker, 3 the watchdogs, 4 faas-cli, 5 the certifier. A test names its
rows by ``@pytest.mark.row``; ``test_coverage.py`` fails when a row has neither a test nor a reason why not.
"""

from __future__ import annotations

TESTED = {
    # gateway
    "1.1 durations": "whole seconds or a Go duration",
    "1.1 upstream_timeout": "bounds a synchronous call",
    "1.1 write_timeout": "ends a followed log",
    "1.1 basic_auth": "credentials come from files in secret_mount_path",
    "1.2 names in routes": "other characters in a name are 404 page not found",
    "1.2 wrong method": "405, empty body",
    "1.2 /function methods": "GET POST PUT PATCH DELETE HEAD OPTIONS, else 405",
    "1.2 /async-function methods": "POST only",
    "1.2 /system auth": "every management route asks for basic auth",
    "1.2 401": "WWW-Authenticate and the words",
    "1.2 invoke without auth": "the invoke routes are open",
    "1.2 /healthz": "200, empty body, no credentials",
    "1.2 / and /ui/": "307 to /ui/, which needs credentials",
    "1.3 default namespace": "fig and fig.openfaas-fn are the same",
    "1.3 namespace in body or query": "delete and scale take it from either",
    "1.3 deploy validation": "service and image required, DNS label, 400 validation failed",
    "1.3 secret names": "DNS-1123 subdomain, / and .. are a 400",
    "1.4 method, query and body": "reach the function unchanged",
    "1.4 path": "the prefix is removed; nothing left is /",
    "1.4 X-Call-Id": "kept if sent, else a new UUID",
    "1.4 X-Start-Time": "nanoseconds, added to one that is there",
    "1.4 X-Forwarded": "Host and For, set only when absent",
    "1.4 dropped headers": "hop-by-hop ones stop at the gateway",
    "1.4 Authorization": "is passed through",
    "1.4 User-Agent": "openfaas-ce-gateway/VERSION if none",
    "1.4 response headers": "the gateway's, then the function's over them",
    "1.4 redirects": "are not followed",
    "1.4 Content-Type": "the function's, else the request's, else text/plain",
    "1.4 event stream": "Accept: text/event-stream is passed on unbuffered",
    "1.4 upstream timeout": "502",
    "1.4 unknown function": "404 error finding function NAME",
    "1.4 no endpoint": "503 No endpoints available for",
    "1.4 unreachable function": "502 Can't reach service for",
    "1.4 X-OpenFaaS-Internal": "marks errors that the platform made",
    "1.4 scale from zero": "a call wakes up a function without replicas",
    "1.4 log line": "Forwarded [METHOD] to URL - [CODE] - 0.0123s",
    "1.5 FunctionDeployment": "nulls are taken, wrong types refused",
    "1.5 FunctionStatus": "what is always there, what is left out",
    "1.5 invocationCount": "only in the list",
    "1.5 createdAt": "RFC 3339 with zone",
    "1.5 usage": "CPU and memory, if asked for",
    "1.5 info": "provider, versions, arch",
    "1.5 namespace": "name, labels, annotations",
    "1.6 POST functions": "202",
    "1.6 POST exists": "400",
    "1.6 PUT functions": "202, and no call fails",
    "1.6 PUT missing": "exactly 404, so that the CLI posts",
    "1.6 DELETE function": "202, 404 if missing",
    "1.6 GET function": "200, or 404 with an empty body",
    "1.6 scale": "202, 404 if missing",
    "1.6 secrets": "POST 202 or 409, PUT and DELETE 202 or 404",
    "1.6 namespaces": "POST 201 or 409, PUT and DELETE 202 or 404",
    "1.6 rawValue": "wins over value",
    "1.6 unknown secret": "a deploy that names it is a 400",
    "1.6 faas_function label": "added to each function",
    "1.6 initial replicas": "com.openfaas.scale.min",
    "1.7 tail, since, instance": "cut the log",
    "1.7 follow": "its spellings; false closes the body",
    "1.7 bad tail or since": "422 could not parse the log request",
    "1.7 message": "JSON, one object a line",
    "1.8 scale": "bad bodies are a 400; 0 is allowed, as in Pro",
    "1.8 alert": "firing scales up, resolved down",
    "1.8 labels": "min, max, factor and their defaults",
    "1.8 CE rule": "more than 5 good calls a second for 5 s",
    "1.8 metrics": "Prometheus names and labels",
    "1.8 enqueueing counts nothing": "the worker's later call does",
    # queue and worker
    "2.1 accepted": "202, empty body, the three headers",
    "2.1 body over the limit": "refused, the limit named",
    "2.1 broker failure": "500 Error queuing request",
    "2.1 bad callback": "400 with Go's words",
    "2.1 callback that leads nowhere": "accepted; fails when it is posted",
    "2.1 unknown function": "202",
    "2.1 other methods": "405",
    "2.2 message": "nothing of the request is lost",
    "2.3 invocation": "POST to the gateway with path, query, all headers",
    "2.3 no second run": "a call longer than ack_wait runs once: the lease is renewed",
    "2.3 concurrency": "one, unless max_inflight says more",
    "2.4 callback headers": "the function's, then the call's",
    "2.4 outcomes": "200, 500, 408 and their bodies",
    "2.4 unknown function": "404",
    "2.4 busy watchdog": "429",
    "2.4 failed callback": "logged, its status ignored",
    "2.4 function as target": "http://gateway:8080/function/NAME",
    "2.5 log lines": "the worker's own",
    "2.5 gateway's line": "[CALLID] Queueing (N) bytes for: F.",
    "2.6 JetStream": "stream and consumer as in Pro",
    # watchdogs
    "3.1 fprocess": "split at single blanks, no shell",
    "3.1 defaults": "of every setting",
    "3.1 booleans": "only the word true",
    "3.1 combine_output": "stderr in the answer or in the log",
    "3.1 write_debug": "output to the log",
    "3.1 content_type": "forces the type",
    "3.1 cgi_headers": "false: no Http_ variables",
    "3.1 marshal_request": "the request as JSON on stdin",
    "3.1 suppress_lock": "no lock file, health is 503",
    "3.1 environment": "Http_ variables",
    "3.1 exit 0": "200, X-Duration-Seconds, Content-Type",
    "3.1 non-zero": "500 exit status N",
    "3.1 cannot start": "500 in Go's words",
    "3.1 exec_timeout": "408 Killed process.",
    "3.1 write_timeout": "a later answer is dropped, the connection closed",
    "3.1 max_inflight": "429",
    "3.1 other methods": "405",
    "3.1 log": "Forking fprocess. and Wrote N Bytes",
    "3.1 health": "the lock file",
    "3.1 SIGTERM": "unhealthy, drain, end",
    "3.2 defaults": "of-watchdog's, once a mode is set",
    "3.2 http": "one child; its status and headers; 504",
    "3.2 streaming": "output as it comes, always 200",
    "3.2 ready": "like health, and 429 at the limit",
    # faas-cli
    "4.1 stack file": "its names, --filter, --regex, substitution",
    "4.1 gateway": "flag, stack, OPENFAAS_URL, default",
    "4.1 errors": "capital letter, standard output, exit code 1",
    "4.1 login store": "its place, form and mode",
    "4.2 new": "stack file, folder, words",
    "4.2 new twice and --append": "refused, with the way out",
    "4.2 template": "one in ./template is taken",
    "4.3 build": "the Dockerfile's fprocess is the image's",
    "4.3 push": "an image without a prefix is refused",
    "4.3 up": "build, push, deploy",
    "4.3 publish": "what it would need, in place of Docker",
    "4.3 generate": "openfaas.com/v1 Function YAML, no call",
    "4.4 deploy": "PUT, then POST on 404; --replace",
    "4.4 remove": "its words",
    "4.4 list": "columns, -q, -j",
    "4.4 describe": "values from column 21 on",
    "4.4 logs": "three formats, followed or not",
    "4.4 ready, version, namespace list": "as the real one's",
    "4.4 login": "checks, then saves",
    "4.4 store": "list, inspect, deploy",
    "4.4 namespace": "create, update, delete, list",
    "4.4 secret": "create, update, remove, list",
    "4.5 invoke": "standard output is the function's bytes and nothing else",
    "4.5 --async": "one line on standard error",
    "4.5 failures": "Server returned unexpected status code",
    "4.5 unsupported method": "exit code 0, no call",
    "4.5 header forms": "all that were ever documented",
    # certifier
    "5 Test_Deploy_MetaData": "as the certifier has it",
    "5 Test_ListNamespaces": "as the certifier has it",
    "5 Test_HealthEndpoint": "as the certifier has it",
    "5 Test_ProviderInfo": "as the certifier has it",
    "5 Test_InvokeNotFound": "as the certifier has it",
    "5 Test_Invoke verbs": "as the certifier has it",
    "5 Test_Invoke redirect": "as the certifier has it",
    "5 Test_Invoke env and query": "as the certifier has it",
    "5 Test_FunctionLogs": "as the certifier has it",
    "5 Test_ScaleMinimum": "as the certifier has it",
    "5 Test_ScaleFromZeroDuringInvoke": "as the certifier has it",
    "5 Test_ScaleUpAndDownFromThroughPut": "as the certifier has it",
    "5 Test_ScalingDisabledViaLabels": "as the certifier has it",
    "5 Test_ScaleToZero": "as the certifier has it",
    "5 Test_SecretCRUD": "as the certifier has it",
}
"""Row: what it says."""

NOT_TESTED = {
    "1.1 read_timeout": (
        "bounds the reading of a request: the HTTP kit has its own limits, tried in "
        "tests/unit/test_http_server.py"
    ),
    "1.1 metrics port": (
        "metrics on a port of their own, 8082: on the API's own port here: one port less that may be taken"
    ),
    "1.1 provider and NATS addresses": (
        "functions_provider_url, faas_nats_address and the like: provider and queue are parts of the lab,"
        " not found by address"
    ),
    "1.2 /system/telemetry": "what Pro reports home: nothing is reported to anyone",
    "1.6 CE caps": (
        "15 functions, 5 replicas, one namespace: the richer one is done: 200 functions, 20 replicas, any"
        " namespace"
    ),
    "2.2 dedicated queues": (
        "com.openfaas.queue names another subject: removed from CE in 2022; the lab has one queue"
    ),
    "2.6 retries": "back-off, Retry-After, codes: the worker does not do it yet",
    "2.6 cancel": "DELETE /async-function/CALL-ID: the worker does not do it yet",
    "2.6 queue metrics": (
        "queue_worker_* on a port of the worker's: the inspector and lab.status() show the queue; no "
        "second scrape port"
    ),
    "3.1 metrics": (
        "http_requests_total and the like on port 8081: the gateway counts; a port for each replica would"
        " be one more to be taken"
    ),
    "3.2 serializing and static": (
        "two more modes: classic does what serializing does; files are no lesson here"
    ),
}
"""Row: what it says, and why no test of ours does."""
