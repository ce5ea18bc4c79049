"""The proofs of all notebooks, by file name: translations share them."""

from __future__ import annotations

from collections.abc import Mapping

import proofs_beyond_one_machine
import proofs_callbacks
import proofs_exactly_once
import proofs_sync_vs_async
import proofs_the_queue_worker
from proofs import Proofs

PROOFS_OF: Mapping[str, Proofs] = {
    "01-sync-vs-async.ipynb": proofs_sync_vs_async.PROOFS,
    "02-the-queue-worker.ipynb": proofs_the_queue_worker.PROOFS,
    "03-callbacks-and-the-inspector.ipynb": proofs_callbacks.PROOFS,
    "08-exactly-once-is-a-story.ipynb": proofs_exactly_once.PROOFS,
    "09-beyond-one-machine.ipynb": proofs_beyond_one_machine.PROOFS,
}
