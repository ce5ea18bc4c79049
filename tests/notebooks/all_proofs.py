"""The proofs of all notebooks, by file name: translations share them."""

from __future__ import annotations

from collections.abc import Mapping

import proofs_beyond_one_machine
import proofs_callbacks
import proofs_chaining
import proofs_exactly_once
import proofs_how_much_at_once
import proofs_sync_vs_async
import proofs_the_queue_worker
import proofs_webhooks
import proofs_welcome
import proofs_when_things_fail
from proofs import Proofs

PROOFS_OF: Mapping[str, Proofs] = {
    "00-welcome.ipynb": proofs_welcome.PROOFS,
    "01-sync-vs-async.ipynb": proofs_sync_vs_async.PROOFS,
    "02-the-queue-worker.ipynb": proofs_the_queue_worker.PROOFS,
    "03-callbacks-and-the-inspector.ipynb": proofs_callbacks.PROOFS,
    "04-chaining-functions.ipynb": proofs_chaining.PROOFS,
    "05-webhooks.ipynb": proofs_webhooks.PROOFS,
    "06-how-much-at-once.ipynb": proofs_how_much_at_once.PROOFS,
    "07-when-things-fail.ipynb": proofs_when_things_fail.PROOFS,
    "08-exactly-once-is-a-story.ipynb": proofs_exactly_once.PROOFS,
    "09-beyond-one-machine.ipynb": proofs_beyond_one_machine.PROOFS,
}
