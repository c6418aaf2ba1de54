#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tasks and milestones that are overdue, as CSV: for cron, and for a mail to the team.
#   overdue.sh [DATE] | mail -s Overdue team@example.org
# Works offline, from the local replica; a server that is not reached is no failure.
set -eu
today=${1:-$(date +%F)}
case $today in *[!0-9-]*) echo "overdue.sh: $today is no date like 2026-11-30" >&2; exit 2 ;; esac
ting sync --quiet --timeout 60 || [ $? -eq 3 ]
# A date may be a year or a month: it is over when the year or month is.
ting sql --csv "
    SELECT 'task' AS kind, project.code AS project, task.title, due AS date
    FROM task LEFT JOIN project ON project.id = task.project
    WHERE task.status NOT IN ('done', 'dropped') AND due < substr('$today', 1, length(due))
    UNION ALL
    SELECT 'milestone', project.code, milestone.title, planned
    FROM milestone LEFT JOIN project ON project.id = milestone.project
    WHERE milestone.status = 'planned' AND planned < substr('$today', 1, length(planned))
    ORDER BY date, project"
