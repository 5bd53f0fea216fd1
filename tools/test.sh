#!/usr/bin/env bash
# Everything that has to hold before a change lands, in phases. All phases run, so that one run
# tells all that is wrong; the exit code is 0 only when every phase passed.
set -uo pipefail
cd "$(dirname "$0")/.."
[ "${CI:-}" = true ] && export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=()
summary=()

# phase NAME COMMAND…: runs a command under a heading and remembers how it went.
phase() {
    local name=$1 started=$SECONDS outcome=passed log
    log="$logs/${#summary[@]}"
    shift
    printf '\n==== %s\n' "$name"
    "$@" 2>&1 </dev/null | tee "$log"
    if [ "${PIPESTATUS[0]}" -ne 0 ]; then
        outcome=FAILED
        failed+=("$name")
    fi
    summary+=("$(printf '%-10s %-8s %4d s' "$name" "$outcome" $((SECONDS - started)))")
    [ "$outcome" = passed ]
}

deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"
        return
    fi
    cargo deny --locked check licenses bans sources || return 1
    local database=("${CARGO_HOME:-$HOME/.cargo}"/advisory-dbs/*/.git)
    if [ -e "${database[0]}" ]; then
        cargo deny --locked check --disable-fetch advisories
    else
        echo "skipped: advisories: their database is not on this machine (cargo deny fetch)"
    fi
}

console() {
    cargo build --locked --quiet -p interlock -p console@0.1.0 --bin interlock \
        --example live_loop && node tests/browser/run.mjs
}

# Adds up what the test runners said: nextest, rustdoc and node's.
count() {
    sed -E 's/\x1b\[[0-9;]*m//g' "$logs"/* | awk '
        /^ +Summary \[/ { for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) pass += $(i - 1); if ($i ~ /^failed/) fail += $(i - 1)
            if ($i ~ /^timed/) fail += $(i - 1) } }
        /^test result: / { for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) pass += $(i - 1); if ($i ~ /^failed/) fail += $(i - 1) } }
        /^ℹ (pass) / { pass += $3 }
        /^ℹ (fail|cancelled) / { fail += $3 }
        END { printf "%d passed, %d failed\n", pass, fail }'
}

finish() {
    printf '\n==== summary, %d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
    printf '%s\n' "${summary[@]}"
    if [ "${#failed[@]}" -gt 0 ]; then
        echo "failed phases: ${failed[*]}"
        exit 1
    fi
    count
    exit 0
}

# Without these two nothing else can say anything true.
phase setup tools/setup.sh || finish
phase assets make --no-print-directory assets || finish

phase format cargo fmt --all --check
phase clippy cargo clippy --locked --workspace --all-targets -- -D warnings
phase deny deny
phase tidy cargo run --locked --quiet -p xtask -- tidy
phase tests cargo nextest run --locked --workspace --profile ci
phase doctests cargo test --locked --workspace --doc --quiet
phase rig node tests/browser/run.mjs --rig
phase console console
phase clients node tests/clients/run.mjs
finish
