#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job of Ting on real data: a server, two members, offline edits, a sync, a conflict settled.
#   demo.sh            runs the whole story and ends
#   demo.sh --serve    leaves the server running with the workspace, and prints a join address
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${TING_BIN:-$here/../../.build/debug}
PATH=$bin:$PATH
work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. A server with TLS starts on this machine; it makes its own certificate."
tingd init --data "$work/server" >/dev/null
tingd serve --data "$work/server" --listen 127.0.0.1:0 >"$work/ready" 2>"$work/server.log" &
server=$!
for _ in $(seq 300); do grep -q ready "$work/ready" && break; sleep 0.1; done
grep ready "$work/ready"

say "2. Two members are invited: Mette at the ministry owns the workspace, Li in Harbin edits."
invite() { tingd invite --data "$work/server" --workspace demo "$@" 2>>"$work/server.log" | tail -n 1; }
mette_address=$(invite --name "Mette Østergård" --email mette@example.dk --role owner)
li_address=$(invite --name "李 Li" --email li@example.cn --role editor)
mette() { TING_HOME=$work/mette ting "$@"; }
li() { TING_HOME=$work/li ting "$@"; }
mette join "$mette_address" --device ministry
mette clone demo

say "3. Mette loads the real cooperation items of the partnership, and syncs."
mette import "$here/data/joint-work-programme.json"
mette import "$here/data/partnerships.csv"
mette sync

if [ "${1:-}" = --serve ]; then
    say "The server runs until Ctrl-C. A join address for you, good for 24 hours:"
    invite --name "Guest" --email guest@example.org --role editor
    wait "$server"
    exit
fi

li join "$li_address" --device harbin
li clone demo
say "   Both see the same ten items:"
li list project --sort code --limit 10 --columns code,title_en,start

project=$(mette sql "SELECT id FROM project WHERE code = 'aarhus-harbin'" --json | grep -oE '[0-9a-f-]{36}')
ended=$(mette sql "SELECT id FROM project WHERE code = 'ballerup-wuxi'" --json | grep -oE '[0-9a-f-]{36}')

say "4. Offline, Mette edits the Aarhus-Harbin partnership with ting …"
mette set "$project" partners+="Danish Energy Agency" status=active end=2026-12-31
mette set "$project" summary="A task force meets each spring.
District heating is the main theme.
The next visit is in May."
mette delete "$ended"
mette sync >/dev/null
li sync >/dev/null
mette set "$project" title_en="Aarhus and Harbin: clean heat" end=2027-06-30 partners+="State of Green" \
    summary="A task force meets each spring, in Aarhus.
District heating is the main theme.
The next visit is in May."

say "   … while Li, also offline, edits the same project with the stock sqlite3 shell."
sqlite3 "$(li path)" "
    UPDATE project SET
        title_en = 'Harbin-Aarhus sister cities',
        end = '2027-12-31',
        partners = json_insert(partners, '\$[#]', '哈尔滨工业大学'),
        summary = replace(summary, 'The next visit is in May.', 'The next visit is in June.')
    WHERE id = '$project';"

say "5. Both sync. What can be merged is merged; the rest becomes a conflict that both see."
mette sync
li sync
mette sync
mette show "$project"
mette conflicts

say "6. Li settles the conflict about the title, for everyone."
conflict=$(li sql "SELECT id FROM conflict WHERE field = 'title_en' AND status = 'open'" --json | grep -oE '[0-9a-f-]{36}')
li resolve "$conflict" "value=Aarhus and Harbin: sister cities for clean heat"
li sync
mette sync
mette conflicts

say "7. Both replicas and the server prove that they hold the same, each by its own computation."
digest() { grep -oE '"digest" *: *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}'; }
a=$(mette status --json | digest)
b=$(li status --json | digest)
mette verify
tingd verify --data "$work/server"
echo "Mette:  $a"
echo "Li:     $b"
[ "$a" = "$b" ] || { echo "the digests differ" >&2; exit 1; }
tingd status --data "$work/server" --json | grep -q "$a" || { echo "the server's digest differs" >&2; exit 1; }
echo "Server: $a"
say "Done: nothing was lost, and nobody had to be online at the same time."
