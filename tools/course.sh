#!/bin/sh
# Prove the course: the notebooks are current, every exercise behaves in three ways, and all cells run under nbval.
#
#   tools/course.sh [NN]    one notebook only
set -eu
cd -- "$(dirname -- "$0")/.."
only=${1:-}
bin=.venv/bin
"$bin/python" -m tools.course check
"$bin/pytest" -q tests/notebooks ${only:+-k "$only"}
"$bin/pytest" -q --numprocesses "${LABKIT_TEST_WORKERS:-4}" tests/course ${only:+-k "$only"}
sh tools/nbval.sh "$bin/python" "$only"
