#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job of Ting on real data: a server, two members, offline edits, a sync, a conflict settled.
#   demo.sh            runs the whole story and ends
#   demo.sh --serve    runs it quietly, leaves the server running, and prints a join address
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=${TING_BIN:-$here/../../.build/debug}:$PATH
work=$(mktemp -d)
server=
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

step=0
say() {
    step=$((step + 1))
    [ -t 1 ] && printf '\n\033[1m%s. %s\033[0m\n' "$step" "$*" || printf '\n%s. %s\n' "$step" "$*"
}
serve() {
    : >"$work/ready"
    tingd serve --data "$work/server" --listen "$1" >"$work/ready" 2>>"$work/server.log" &
    server=$!
    until grep -q ready "$work/ready"; do
        kill -0 "$server" || { cat "$work/server.log" >&2; exit 1; }
        sleep 0.05
    done
}
invite() { tingd invite --data "$work/server" --workspace demo "$@" 2>>"$work/server.log" | tail -n 1; }
# `mette ARGUMENTS` is `ting ARGUMENTS` on Mette's machine; both show what they run.
mette() { shown mette ting "$@"; TING_HOME=$work/mette ting "$@"; }
li() { shown li ting "$@"; TING_HOME=$work/li ting "$@"; }
shown() {
    local who=$1 line='' argument
    shift
    for argument in "$@"; do
        [[ $argument =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || argument=${argument@Q}
        line+=" $argument"
    done
    printf '  %s$%s\n' "$who" "$line" >&2
}
replica() { TING_HOME=$work/$1 ting path; }

story() {
    say "A server starts on this machine, with TLS and a certificate that it makes itself."
    tingd init --data "$work/server"
    serve 127.0.0.1:0
    cat "$work/ready"
    address=$(sed 's|.*https://||' "$work/ready")

    say "Mette at the ministry in Copenhagen owns the workspace, Li at the city of Harbin may edit."
    mette_address=$(invite --name "Mette Østergård" --email mette@example.dk --role owner)
    li_address=$(invite --name "李 Li" --email li@example.cn --role editor)
    mette join "$mette_address" --device ministry
    mette clone demo

    say "Mette loads the real cooperation items and writes down where one partnership stands."
    mette import "$here/data/joint-work-programme.json"
    mette import "$here/data/partnerships.csv"
    mette set aarhus-harbin status=active end=2026-12-31 summary="A task force meets each spring.
District heating is the main theme.
The next visit is in May."
    mette sync

    say "Li joins and clones: both now hold the whole workspace, each in a file of their own."
    li join "$li_address" --device harbin
    li clone demo
    li list project --sort code --limit 10 --columns code,title_en,start

    say "The line is cut: the server stops, and both go on working."
    stop

    say "Mette edits the partnership Aarhus-Harbin with ting, and notes how another one ended."
    mette set aarhus-harbin partners+="Danish Energy Agency" status=paused end=2027-06-30 \
        summary="A task force meets each spring, in Aarhus.
District heating is the main theme.
The next visit is in May."
    mette set ballerup-wuxi summary="Ended in 2020, after a vote of the council."
    mette status

    say "Meanwhile Li edits the same with the stock sqlite3 shell, and deletes what has ended."
    sql="UPDATE project SET
    partners = json_insert(partners, '\$[#]', '哈尔滨工业大学'),
    status = 'completed',
    end = '2027-12-31',
    summary = replace(summary, 'in May', 'in June')
  WHERE code = 'aarhus-harbin';
  DELETE FROM project WHERE code = 'ballerup-wuxi';"
    printf '  li$ sqlite3 "$(ting path)" "%s"\n' "$sql" >&2
    sqlite3 "$(replica li)" "$sql"
    li status

    say "The line is back: each syncs, in one exchange with the server."
    serve "$address"
    mette sync
    li sync
    mette sync

    say "Merged: the partners of both are there, and both edits of the summary."
    mette show aarhus-harbin

    say "In conflict, shown to both: the status, the end date, and a deletion of what was edited."
    mette conflicts

    say "Mette takes the end date that Li proposes: settled once, for everyone."
    conflict=$(sqlite3 "$(replica mette)" "SELECT id FROM conflict WHERE field = 'end' AND status = 'open'")
    mette resolve "$conflict" take -m "Agreed by telephone"
    mette sync
    li sync
    li list project --where "code = 'aarhus-harbin'" --columns code,status,end

    say "Both replicas and the server hold the same, each by its own computation:"
    digest() { grep -oE '"digest" *: *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}' | head -n 1; }
    one=$(mette status --json | digest)
    two=$(li status --json | digest)
    three=$(tingd status --data "$work/server" --json | digest)
    printf 'Mette   %s\nLi      %s\nServer  %s\n' "$one" "$two" "$three"
    [ "$one" = "$two" ] && [ "$one" = "$three" ] || { echo "the digests differ" >&2; exit 1; }
    mette verify --quiet
    li verify --quiet
    tingd verify --data "$work/server"

    say "Done: nothing was lost, and nobody had to be online at the same time."
}

if [ "${1:-}" = --serve ]; then
    echo "Preparing the workspace of \`make demo\` …" >&2
    story >"$work/story" 2>&1 || { cat "$work/story" >&2; exit 1; }
    trap 'exit 0' INT TERM
    guest=$(invite --name Guest --email guest@example.org --role editor)
    cat <<TEXT
The server runs at https://$address, with the workspace of \`make demo\`. Ctrl-C ends it.
Join it from another terminal, within 24 hours:

  export PATH=$(cd "$here/../.." && pwd)/.build/debug:\$PATH TING_HOME=\$(mktemp -d)
  ting join '$guest'
  ting clone demo
  ting conflicts

The join address:
$guest
TEXT
    wait "$server"
else
    story 2>&1
fi
