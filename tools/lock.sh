#!/bin/sh
# Writes requirements/*.txt: versions and hashes for every extra, without download addresses.
set -eu
cd "$(dirname "$0")/.."
compile() { # name, then arguments
    name=$1; shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
        --output-file "requirements/$name.txt" "$@"
}
printf "uv==0.13.9\nhatchling==1.33.0\n" | compile install -
for extra in ingestion features signals risk execution paper recorder standalone distributed dev; do
    compile "$extra" pyproject.toml --extra "$extra"
done
