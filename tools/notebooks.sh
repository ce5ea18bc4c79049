#!/bin/sh
# Run the notebooks under nbval with the oldest or the newest versions that pyproject.toml allows, not the locked ones.
# First the tests of what uses private names of nats-py (jetstream/direct_messages.py): another version may lack them.
#
#   tools/notebooks.sh lowest-direct|highest
set -eu
cd -- "$(dirname -- "$0")/.."
resolution=${1:?usage: tools/notebooks.sh lowest-direct|highest}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
mirror=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
if [ -n "$mirror" ]; then
    UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}
    export UV_DEFAULT_INDEX
fi
.venv/bin/uv venv --quiet --python .venv/bin/python "$scratch/venv"
.venv/bin/uv pip install --quiet --python "$scratch/venv/bin/python" --resolution "$resolution" --editable '.[build,dev]'
PATH=$scratch/venv/bin:$PATH
export PATH
python -m pytest --numprocesses "${LABKIT_TEST_WORKERS:-4}" --dist loadfile \
    tests/service/test_direct_messages.py tests/service/test_queue_worker.py tests/service/test_async_queues.py tests/service/test_nats_access.py
sh tools/nbval.sh "$scratch/venv/bin/python"
