#!/bin/sh
# Puts the locked packages of one extra (standalone, distributed, dev) into .venv, or into VENV; does
# nothing, and needs no network, when they are there already. Where a larger one was, that one stays.
set -eu
extra=$1
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
venv=${VENV:-.venv}
case $extra in standalone) larger="distributed dev" ;; distributed) larger=dev ;; *) larger= ;; esac
for each in $larger; do
    if [ -f "$venv/installed-$each" ]; then extra=$each; fi
done
want=$({ pwd; cat requirements/install.txt "requirements/$extra.txt" pyproject.toml; } | cksum) # a moved checkout too
if [ -f "$venv/installed-$extra" ] && [ "$(cat "$venv/installed-$extra")" = "$want" ]; then exit 0; fi

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    echo "Marea needs Python 3.11, 3.12 or 3.13, and '$python' is not one: install it, or name it with PYTHON=..." >&2
    exit 4
fi
away() {
    echo "Marea's first install needs the package registry, which could not be reached or refused a package ($1): connect to the network and run the command again; details in .cache/install.log" >&2
    exit 4
}
mkdir -p .cache
export UV_CACHE_DIR="${UV_CACHE_DIR:-$here/.cache/uv}"
: >.cache/install.log
echo "Installing Marea ($extra) into $venv ..." >&2
rm -f "$venv"/installed-*
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then # none yet, or one that was cut off
    "$python" -m venv "$venv" >>.cache/install.log 2>&1 || {
        echo "Marea needs a virtual environment, and '$python' could not make one in $venv: install its venv module (on Debian and Ubuntu: python3-venv) and run the command again; details in .cache/install.log" >&2
        exit 4
    }
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
    -r requirements/install.txt >>.cache/install.log 2>&1 || away "uv"
"$venv/bin/uv" pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/install.txt \
    "requirements/$extra.txt" >>.cache/install.log 2>&1 || away "$extra"
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable . \
    >>.cache/install.log 2>&1 || away "the build backend"
echo "$want" >"$venv/installed-$extra"
