#!/bin/bash
# Every check there is, one after the other. A failing one does not hide what the next would say; the exit code tells.
# Run it as `make test`: that sets up the environment first.
set -u
cd -- "$(dirname -- "$0")/.." || exit 1

bin=.venv/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# Everything the tests start inherits this mark; tests/leaks.py looks for it at the end.
export LABKIT_TEST_RUN=${scratch##*/}

results=()
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

notebooks() {
    if ! compgen -G 'notebooks/en/*.ipynb' >/dev/null; then
        echo "no notebook yet"
        return
    fi
    # In a workspace of their own: never in the lab that is perhaps running in this folder. Cells keep their order.
    mkdir "$scratch/workspace"
    LABKIT_WORKSPACE=$scratch/workspace "$bin/pytest" -p no:randomly --nbval-lax --nbval-current-env --nbval-cell-timeout=60 notebooks/en
}

"$bin/python" tests/leaks.py --before "$scratch/before.json" || exit 1
check style "$bin/ruff" check .
check format "$bin/ruff" format --check .
check types "$bin/mypy"
check unit "$bin/pytest" tests/unit tests/notebooks
check service "$bin/pytest" tests/service
check browser "$bin/pytest" tests/browser
check conformance "$bin/pytest" tests/conformance
check chaos "$bin/pytest" tests/chaos
check notebooks notebooks
check leaks "$bin/python" tests/leaks.py --after "$scratch/before.json"

printf '\n'
printf '%s\n' "${results[@]}"
exit $failed
