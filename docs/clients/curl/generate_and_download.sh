#!/usr/bin/env bash
# Requests a report, waits for it, and saves it if its SHA-256 matches. Requires curl (7.76 or newer), jq and sha256sum.
#
#   RESMA_URL=https://reports.example.com RESMA_KEY=rsm_… \
#   bash generate_and_download.sh '{"type": "TRANSACTIONS", "format": "CSV"}' transactions.csv
set -euo pipefail

if [ $# -ne 2 ]; then
    echo "Two arguments are required: the request as JSON, and a file name." >&2
    exit 1
fi
url=${RESMA_URL:-http://localhost:3008}
request=$1
name=$2
work=$(mktemp -d)
trap 'code=$?; rm -rf "$work"; exit $((code ? 1 : 0))' EXIT # Exits with 1, whatever the exit code of curl or jq was.

# The key is passed in a file, so that the list of processes does not show it. A stack of `make up` needs no key.
if [ -n "${RESMA_KEY:-}" ]; then printf 'Authorization: Bearer %s\n' "$RESMA_KEY"; fi >"$work/credential"

# Calls the API. curl retries after network errors, 429, 500, 502, 503 and 504, and respects Retry-After.
call() {
    local status
    status=$(curl --silent --show-error --retry 5 --retry-all-errors --retry-max-time 120 --max-time 60 \
        --header "@$work/credential" --dump-header "$work/headers" --output "$work/body" --write-out '%{http_code}' "$@")
    if [ "$status" -ge 400 ]; then
        jq --raw-output '"\(.status) \(.title): \(.detail)", (.errors[]? | "  \(.pointer): \(.detail)")' "$work/body" >&2
        return 1
    fi
}

# Prints a header of the last response.
header() {
    awk -v name="$1:" 'tolower($1) == name { value = $2 } END { sub("\r", "", value); print value }' "$work/headers"
}

# A retry with the same Idempotency-Key does not create a second report.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
call --request POST --header "Content-Type: application/json" --header "Idempotency-Key: $key" \
    --data-raw "$request" "$url/api/v1/reports/generate"

while status=$(jq --raw-output .status "$work/body"); [ "$status" = PENDING ] || [ "$status" = GENERATING ]; do
    jq --raw-output '"\(.status): \(.progress.rowsDone) of \(.progress.rowsExpected // "?") rows"' "$work/body" >&2
    pause=$(header retry-after)
    sleep "${pause:-2}"
    call "$(jq --raw-output .links.self "$work/body")"
done
if [ "$status" != READY ]; then
    jq --raw-output '"The report is \(.status): \(.error.detail // "")"' "$work/body" >&2
    exit 1
fi

# If there are several files, the name of each ends in its format.
jq --raw-output '(.files | length > 1) as $several | .files[] |
    [.sha256, .download, if $several then "." + (.format | ascii_downcase) else "" end] | join(" ")' \
    "$work/body" >"$work/files"

while read -r sha256 link extension; do
    file=$name$extension
    # The response redirects to a presigned URL, which must not be sent the key.
    call "$link"
    printf 'url = "%s"\n' "$(header location)" |
        curl --silent --show-error --fail --retry 5 --retry-all-errors --output "$file.part" --config -
    if [ "$(sha256sum <"$file.part" | cut -d ' ' -f 1)" != "$sha256" ]; then
        echo "The SHA-256 of $file.part does not match the report. Download the file again." >&2
        exit 1
    fi
    mv "$file.part" "$file"
    echo "$file"
done <"$work/files"
