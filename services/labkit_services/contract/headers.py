"""HTTP headers of calls and callbacks, in the spelling that OpenFaaS uses."""

from __future__ import annotations

CALL_ID = "X-Call-Id"
START_TIME = "X-Start-Time"
CALLBACK_URL = "X-Callback-Url"
RUN_ID = "X-Labkit-Run"
"""Run id of the lab that a request is for; another lab refuses it."""
DURATION_SECONDS = "X-Duration-Seconds"
FUNCTION_STATUS = "X-Function-Status"
FUNCTION_NAME = "X-Function-Name"
SERVED_BY = "X-Served-By"
INTERNAL = "X-OpenFaaS-Internal"
"""Marks an error response made by the platform, not by the function."""
RETRY = "X-Retry"
RETRY_MAX = "X-Retry-Max"
"""On a callback: how often the call was retried, and the limit (OpenFaaS
Pro)."""
ATTEMPT = "X-Attempt"
"""On a request to a function: the number of the attempt, from 1. The lab's own
addition."""
DUPLICATE = "X-Duplicate"
"""On a 202: a call with this id was accepted before and runs only once. The
lab's own addition."""
CALL_OUTCOME = "X-Call-Outcome"
"""On the status and the result of a call: the hop that decided its outcome,
and the outcome's code. The lab's own addition."""
CALL_REASON = "X-Call-Reason"
"""Beside it: the same in a sentence, in ASCII."""
