#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a set of golden files by the programs of a build: a small team's afternoon, with conflicts, a deletion, a rejection,
# an edit held back and an outbox. Run it for each release: Tests/SkewTests/make_golden.sh BUILD-FOLDER NAME
set -euo pipefail
build=$(cd "$1" && pwd)
target=$(cd "$(dirname "$0")" && pwd)/golden/$2
work=$(mktemp -d)
trap '[ -n "${server:-}" ] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
data=$work/data
tingd() { "$build/tingd" "$@" --data "$data"; }
ada() { TING_HOME=$work/ada "$build/ting" "$@"; }
bo() { TING_HOME=$work/bo "$build/ting" "$@"; }
sql() { sqlite3 -cmd '.timeout 10000' "$@"; }

tingd init >/dev/null 2>&1
"$build/tingd" serve --data "$data" --listen 127.0.0.1:0 --log-level error >"$work/out" &
server=$!
until grep -q ready "$work/out"; do sleep 0.1; done
ada join "$(tingd invite --name Ada --email ada@example.org --workspace demo --role owner 2>/dev/null | tail -1)" >/dev/null
bo join "$(tingd invite --name Bo --email bo@example.org --workspace demo --role editor 2>/dev/null | tail -1)" >/dev/null
ada clone demo --to "$work/ada.sqlite" >/dev/null
bo clone demo --to "$work/bo.sqlite" >/dev/null
ada() { TING_HOME=$work/ada "$build/ting" --replica "$work/ada.sqlite" "$@"; }
bo() { TING_HOME=$work/bo "$build/ting" --replica "$work/bo.sqlite" "$@"; }

project=$(ada add project code=DK-CN-1 title_en='Clean water' title_zh=净水 summary=$'One line\n' tags=vand tags+=水 progress=10)
task=$(ada add task project="$project" title=Sign)
travel=$(ada add task project="$project" title=Travel)
body=$(ada add organisation name_da='Københavns Kommune')
ada sync --quiet && bo sync --quiet
ada set "$project" title_en='Cleaner water' start=2026-05
bo set "$project" title_en='Clear water' start=2026-06 progress=20
ada sync --quiet && bo sync --quiet
ada delete "$travel" >/dev/null
ada sync --quiet && bo sync --quiet
tingd members --workspace demo --role bo@example.org=viewer >/dev/null
bo set "$body" name_en='City of Copenhagen'
bo sync --quiet 2>/dev/null || [ $? = 5 ]
tingd members --workspace demo --role bo@example.org=editor >/dev/null
ada set "$task" spent_h+=4
ada sync --quiet
bo set "$project" summary=$'One line\nAnother line\n'
bo add risk project="$project" >/dev/null
sql "$work/bo.sqlite" "UPDATE project SET \"end\" = 'some day'"
bo status >/dev/null 2>&1

mkdir -p "$target"
bo status --json >"$target/replica.json" 2>/dev/null
tingd verify >/dev/null
kill "$server" && wait "$server" || true
server=
tingd status --json >"$target/server.json"
workspace=$(ls "$data"/workspaces/*.sqlite)
pack() {
    sql "$1" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
    gzip -9 -n <"$1" >"$target/$2.gz"
    [ "$(stat -c %s "$target/$2.gz")" -lt 200000 ]
}
pack "$data/server.sqlite" server.sqlite
pack "$workspace" workspace.sqlite
pack "$work/bo.sqlite" replica.sqlite
