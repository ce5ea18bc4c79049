#!/bin/sh
# Make .venv hold exactly what the lock lists, and this checkout. If it already does, this takes a tenth of a second.
#
#   tools/setup.sh lab    requirements.lock: what a learner needs
#   tools/setup.sh dev    requirements-dev.lock: the same versions, and what the tests need
#
# PYTHON names the Python to use; otherwise the first one found that is new enough.
set -eu
cd -- "$(dirname -- "$0")/.."

venv=.venv
stamp=$venv/.labkit-setup
oldest="3.11"

say() { echo "labkit: $*" >&2; }
fail() { say "$@"; exit 1; }

# "3.12" for a Python that can be used; fails for one that is missing, broken or too old.
version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        found=$(version_of "$PYTHON") || fail "PYTHON=$PYTHON is ${found:+Python }${found:-not a Python that starts};" \
            "labkit needs Python $oldest or newer. For example: PYTHON=python3.12 make lab"
        return
    fi
    seen=""
    for PYTHON in python3 python3.13 python3.12 python3.11 python; do
        if found=$(version_of "$PYTHON"); then return; fi
        seen="$seen${found:+ $PYTHON is Python $found;}"
    done
    fail "labkit needs Python $oldest or newer; seen:${seen:- no Python on PATH}" \
        "Install a newer one, or name it: PYTHON=/path/to/python3.12 make lab"
}

# Contents, not dates: a git checkout or a copied folder changes every date. The path, because the scripts in a venv
# carry it: a folder that was moved or renamed gets a new venv.
fingerprint() {
    echo "$want $(cat pyproject.toml requirements-uv.lock "$lock" tools/setup.sh scripts/faas-cli labkit/jupyter/config/*/*.json |
        cksum) $PWD"
}

installed=$(cat "$stamp" 2>/dev/null || true)
want=${1:-lab}
case $want in
    lab) case $installed in "dev "*) want=dev ;; esac ;; # never take an engineer's tools away
    dev) ;;
    *) fail "usage: tools/setup.sh lab|dev" ;;
esac
lock=requirements.lock
if [ "$want" = dev ]; then lock=requirements-dev.lock; fi

here=""
if [ -x $venv/bin/python ]; then here=$(version_of $venv/bin/python) || here=""; fi
asked=""
if [ -n "${PYTHON:-}" ]; then
    find_python
    asked=$found
fi

# Our own modules, too, and after each update of the checkout: with PYTHONDONTWRITEBYTECODE, which many images set,
# every start of a lab would compile them again, 150 ms of 550. A tenth of a second when there is nothing to do.
compile() { $venv/bin/python -m compileall -q labkit services benchmarks; }

if [ -n "$here" ] && [ "$installed" = "$(fingerprint)" ] && [ "${asked:-$here}" = "$here" ]; then
    compile
    exit 0
fi

began=$(date +%s)
case $installed in
    "" | *" $PWD") ;;
    *) here="" ;; # the folder was moved
esac
if [ -z "$here" ] || [ "${asked:-$here}" != "$here" ]; then
    find_python
    here=$found
    rm -rf $venv
fi
say "setting up $venv with Python $here from $lock (about half a minute, longer on a slow network) ..."
rm -f "$stamp"
if [ ! -x $venv/bin/python ] && ! "$PYTHON" -m venv $venv; then
    rm -rf $venv
    fail "$PYTHON could not make a virtual environment (its own message is above)." \
        "On Debian and Ubuntu, install the package python$here-venv; then run this again."
fi

pip() { $venv/bin/python -m pip --disable-pip-version-check --quiet --quiet "$@"; }

with_uv() {
    pip install --require-hashes --only-binary :all: -r requirements-uv.lock || return 1
    # A mirror that was set for pip serves uv too: uv does not read pip's settings.
    mirror=${PIP_INDEX_URL:-$(pip config get global.index-url 2>/dev/null || true)}
    if [ -n "$mirror" ]; then
        UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}
        export UV_DEFAULT_INDEX
    fi
    # Compiled now, by all cores, rather than by the first start of the lab, by one.
    $venv/bin/uv pip sync --quiet --python $venv/bin/python --require-hashes --compile-bytecode "$lock"
}

with_pip() {
    say "installing with uv did not work (see above); trying pip, which is slower ..."
    pip install --require-hashes --no-deps -r "$lock"
}

with_uv || with_pip || fail "not everything in $lock could be installed (the reason is above). Next step:" \
    "check that this machine reaches its Python package index, then run the same command again."
# The builder comes from the lock, so nothing unpinned is fetched; editable, so an update of the checkout is enough.
pip install --no-deps --no-build-isolation --editable . ||
    fail "the packages are there, but labkit itself could not be installed (the reason is above)."
compile
fingerprint >"$stamp"
say "ready after $(($(date +%s) - began)) s"
