#!/usr/bin/env bash
# Asks for a report, waits for it, and saves it once its SHA-256 is right. Needs curl (7.76 or newer), jq and sha256sum.
#
#   RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
#   bash ask_and_download.sh '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "give a request in JSON, and a name for the file" >&2
    exit 1
fi
url=${RESMA_URL:-http://localhost:3008}
request=$1
name=$2
work=$(mktemp -d)
trap 'code=$?; rm -rf "$work"; exit $((code ? 1 : 0))' EXIT # 1, whatever code curl or jq ended with

# In a file, so that the key stands in no list of processes. `make up` takes requests of its own machine without one.
if [ -n "${RESMA_KEY:-}" ]; then printf 'Authorization: Bearer %s\n' "$RESMA_KEY"; fi >"$work/credential"

# Calls the API. curl tries again after faults of the network, 429, 500, 502, 503 and 504, and heeds Retry-After.
call() {
    local status
    status=$(curl --silent --show-error --retry 5 --retry-all-errors --retry-max-time 120 --max-time 60 \
        --header "@$work/credential" --dump-header "$work/headers" --output "$work/body" --write-out '%{http_code}' "$@")
    if [ "$status" -ge 400 ]; then
        jq --raw-output '"\(.status) \(.title): \(.detail)", (.errors[]? | "  \(.pointer): \(.detail)")' "$work/body" >&2
        return 1
    fi
}

# A header of the last answer.
header() {
    awk -v name="$1:" 'tolower($1) == name { value = $2 } END { sub("\r", "", value); print value }' "$work/headers"
}

# Sent again with the same key, a request is still one report.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
call --request POST --header "Content-Type: application/json" --header "Idempotency-Key: $key" \
    --data-raw "$request" "$url/api/v1/reports/generate"

while status=$(jq --raw-output .status "$work/body"); [ "$status" = PENDING ] || [ "$status" = GENERATING ]; do
    jq --raw-output '"\(.status) \(.progress.rowsDone) of \(.progress.rowsExpected // "?") rows"' "$work/body" >&2
    pause=$(header retry-after)
    sleep "${pause:-2}"
    call "$(jq --raw-output .links.self "$work/body")"
done
if [ "$status" != READY ]; then
    jq --raw-output '"the report is \(.status): \(.error.detail // "")"' "$work/body" >&2
    exit 1
fi

# Of several files each has its format at its name's end.
jq --raw-output '(.files | length > 1) as $several | .files[] |
    [.sha256, .download, if $several then "." + (.format | ascii_downcase) else "" end] | join(" ")' \
    "$work/body" >"$work/files"

while read -r sha256 link ending; do
    file=$name$ending
    # The answer is a redirect to an address that is its own credential: the key must not go there.
    call "$link"
    printf 'url = "%s"\n' "$(header location)" |
        curl --silent --show-error --fail --retry 5 --retry-all-errors --output "$file.part" --config -
    if [ "$(sha256sum <"$file.part" | cut -d ' ' -f 1)" != "$sha256" ]; then
        echo "$file.part is not the file that the report describes: its SHA-256 differs" >&2
        exit 1
    fi
    mv "$file.part" "$file"
    echo "$file"
done <"$work/files"
