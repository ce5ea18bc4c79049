#!/bin/sh
# Run all cells of the learner's notebooks of every language, as they are, and compare their statements with what they show.
#
#   tools/nbval.sh PYTHON [NN]    NN: one notebook only; LABKIT_TEST_WORKERS at a time, 4 by default
#
# Each in a folder of its own, which is also its lab's workspace: notebooks that run side by side share nothing.
set -eu
cd -- "$(dirname -- "$0")/.."
python=$1
only=${2:-}
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT INT TERM
for notebook in notebooks/*/${only:-[0-9][0-9]}-*.ipynb; do
    language=$(basename "$(dirname "$notebook")")
    name=$(basename "$notebook" .ipynb)
    mkdir -p "$run/$name/notebooks/$language"  # the lab's language is that of its notebooks' folder
    cp "$notebook" "$run/$name/notebooks/$language/"
done
env -u LABKIT_WORKSPACE "$python" -m pytest -c pyproject.toml --rootdir "$run" -p tests.notebooks.nbval_proofs -p no:randomly \
    --numprocesses "${LABKIT_TEST_WORKERS:-4}" --dist loadfile \
    --nbval-lax --nbval-current-env --nbval-cell-timeout=60 "$run"
