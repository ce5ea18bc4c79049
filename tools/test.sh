#!/bin/bash
# Run every check. A failing one does not hide the result of the next; the exit code tells whether all passed.
# Run it as `make test`, which sets up the environment first.
set -u
cd -- "$(dirname -- "$0")/.." || exit 1

bin=.venv/bin
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# Every process that the tests start inherits this mark; tests/leaks.py looks for it at the end.
export LABKIT_TEST_RUN=${scratch##*/}

# The tests wait more than they work: more of them at a time than there are cores.
workers=${LABKIT_TEST_WORKERS:-4}

results=()
again=
failed=0

check() { # check NAME COMMAND...
    local name=$1 began=$SECONDS verdict=passed
    shift
    printf '\n==> %s\n' "$name"
    if ! "$@" </dev/null; then
        verdict=FAILED
        failed=1
    fi
    results+=("$(printf '%-12s %s in %d s' "$name" "$verdict" $((SECONDS - began)))")
}

# Each notebook in a workspace of its own, never in a lab that may be running in this folder. Cells keep their order.
notebooks() {
    LABKIT_TEST_WORKERS=$workers sh tools/nbval.sh "$bin/python"
}

# A test file stays with one worker, so that its tests share a lab. The order is that of tests/conftest.py.
# Durations stretch while four tests share two cores: up to ten that fail are run again, by themselves, after
# the others. The summary names them, so that a fault which shows itself only under load is not overlooked.
parallel() {
    local remember=(-o "cache_dir=$scratch/cache")
    "$bin/pytest" "${remember[@]}" --numprocesses "$workers" --dist loadfile --no-loadscope-reorder -m "not alone" \
        tests/course tests/chaos tests/conformance tests/browser tests/service tests/repository tests/notebooks tests/unit && return
    local failures=$scratch/cache/v/cache/lastfailed
    [ -f "$failures" ] && [ "$(grep -c '": true' "$failures")" -le 10 ] || return 1
    printf '\n==> again, alone: %s\n' "$(tr -d '{}\n' <"$failures")"
    again=$(grep -o '"[^"]*": true' "$failures")
    "$bin/pytest" "${remember[@]}" --last-failed --last-failed-no-failures none tests
}

alone() {
    "$bin/pytest" -m alone tests/browser tests/service tests/unit
}

"$bin/python" tests/leaks.py --before "$scratch/before.json" || exit 1
check style "$bin/ruff" check .
check format "$bin/ruff" format --check .
check types "$bin/mypy"
check tests parallel
check notebooks notebooks
check alone alone
check leaks "$bin/python" tests/leaks.py --after "$scratch/before.json"

printf '\n'
printf '%s\n' "${results[@]}"
[ -n "$again" ] && printf 'failed beside others, then run alone: %s\n' "$again"
exit $failed
