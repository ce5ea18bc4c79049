#!/bin/sh
# Prove the course: the notebooks are current, every exercise behaves in three ways, and all cells run under nbval.
#
#   tools/course.sh [NN]    one notebook only
set -eu
cd -- "$(dirname -- "$0")/.."
only=${1:-}
bin=.venv/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM
"$bin/python" -m tools.course check
"$bin/pytest" -q tests/notebooks ${only:+-k "$only"}
"$bin/pytest" -q tests/course ${only:+-k "$only"}
mkdir "$scratch/workspace"
LABKIT_WORKSPACE=$scratch/workspace "$bin/python" -m pytest -p tests.notebooks.nbval_proofs -p no:randomly \
    --nbval-lax --nbval-current-env --nbval-cell-timeout=60 notebooks/*/"${only:-[0-9]}"*.ipynb
