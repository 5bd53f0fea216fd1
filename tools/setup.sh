#!/usr/bin/env bash
# Installs what the tests need and this machine lacks. Safe to run again: it does nothing then.
set -euo pipefail
cd "$(dirname "$0")/.."

# The version that the project's test settings are written for.
NEXTEST_VERSION=0.9.143

for tool in cargo cc git node npm; do
    if ! command -v "$tool" >/dev/null; then
        echo "setup: \`$tool\` is missing; install it first (see README.md)" >&2
        exit 1
    fi
done

# Debian packages, each with a command that it brings.
missing=()
command -v chromium >/dev/null || [ -n "${CHROMIUM:-}" ] || missing+=(chromium)
command -v mkfs.xfs >/dev/null || [ -x /usr/sbin/mkfs.xfs ] || missing+=(xfsprogs)
command -v pdftotext >/dev/null || missing+=(poppler-utils)
command -v qpdf >/dev/null || missing+=(qpdf)
if [ "${#missing[@]}" -eq 0 ]; then
    echo "setup: Debian packages are there"
elif [ "$(id -u)" -ne 0 ]; then
    echo "setup: skipped: not root, so not installed: ${missing[*]}"
    echo "setup: as root: apt-get update && apt-get install -y ${missing[*]}"
elif ! command -v apt-get >/dev/null; then
    echo "setup: skipped: no apt-get, so not installed: ${missing[*]}"
else
    echo "setup: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! cargo nextest --version >/dev/null 2>&1; then
    echo "setup: installing cargo-nextest $NEXTEST_VERSION"
    cargo install --quiet --locked cargo-nextest --version "$NEXTEST_VERSION"
fi
echo "setup: $(cargo nextest --version | head -n 1), node $(node --version), $(rustc --version)"
