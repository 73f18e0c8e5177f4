# What goes on: does everything answer, what takes the space, and what has become of one request.

# Every part is asked by itself, all at once, and none may keep the others waiting: whoever asks has a reason to.
status() {
    export PGCONNECT_TIMEOUT=2 PGOPTIONS='-c statement_timeout=2s'
    healthy=0 everything=$(ps -e --sort pid -o pid=,ppid=,sess=)
    parts=$(part_names)
    answered=$newline$(for part in $parts; do (! answers "$part" || say "$part") 2>/dev/null & done; wait)$newline
    for part in $parts; do
        case $answered in *"$newline$part$newline"*) ;; *) healthy=1 ;; esac
    done
    case ${1:-} in --json) status_json ;; *) status_lines ;; esac
    return $healthy
}

answered() { case $answered in *"$newline$1$newline"*) ;; *) return 1 ;; esac; }

status_lines() {
    for part in $parts; do
        printf '%-10s  %-15s  %s\n' "$part" "$(if answered "$part"; then say answers; else say 'does not answer'; fi)" "$(part_processes "$part")"
    done
    ! answered postgres || value "select format('job %s has failed %s times, last at %s: %s', job, failures, date_trunc('second', failed_at), error)
        from im.due_failure order by job" 2>/dev/null || :
}

status_json() {
    printf '{"healthy":%s,"parts":[' "$(if [ "$healthy" = 0 ]; then say true; else say false; fi)"
    comma=
    for part in $parts; do
        # shellcheck disable=SC2046
        printf '%s{"part":"%s","answers":%s,"processes":[%s]}' "$comma" "$part" "$(if answered "$part"; then say true; else say false; fi)" \
            "$(printf '%s,' $(part_processes "$part") | sed 's/,$//')"
        comma=,
    done
    jobs=null
    ! answered postgres || jobs=$(value "select coalesce(json_agg(json_build_object('job', job, 'failures', failures, 'failedAt', failed_at, 'error', error) order by job), '[]')
        from im.due_failure" 2>/dev/null) || jobs=null
    printf '],"failedJobs":%s}\n' "$jobs"
}

# The tables, the largest first, each with the setting by which imclerk removes what is old (sql/lib), then the folders.
sizes() {
    value "select format('%-20s %10s %10s %12s %10s  %s', 'table', 'size', 'indexes', 'rows', 'dead', 'kept for')
        union all (select format('%-20s %10s %10s %12s %10s  %s', s.relname, pg_size_pretty(pg_total_relation_size(s.relid)),
                                 pg_size_pretty(pg_indexes_size(s.relid)), s.n_live_tup, s.n_dead_tup, coalesce(k.value || ' (' || k.name || ')', ''))
                     from pg_stat_user_tables s
                     left join (values ('message', 'message.keep'), ('message_text', 'message.keep'), ('file_message', 'message.keep'),
                                       ('reading', 'reading.keep'), ('audit', 'audit.keep'), ('idempotency', 'idempotency.ttl'),
                                       ('notice', 'notice.keep'), ('admin_login', 'admin.login_keep'), ('session', 'token.session_ttl'),
                                       ('call', 'call.keep'), ('friend_request', 'friend.request_keep'), ('file', 'file.unused_ttl')) r(relname, name)
                            using (relname)
                     left join im.setting k using (name)
                    where s.schemaname = 'im' order by pg_total_relation_size(s.relid) desc, s.relname limit 20)"
    value "select format('%-20s %10s', 'the database', pg_size_pretty(pg_database_size(current_database())))"
    for folder in 'pg/pg_wal the write-ahead log' 'files files' 'log logs'; do
        printf '%-20s %10s\n' "${folder#* }" "$(du -sk "$state/${folder%% *}" 2>/dev/null | awk '{ printf "%d kB", $1 }')"
    done
    df -Pk "$state" | awk 'NR == 2 { printf "%-20s %10s of %d GB\n", "free", sprintf("%d GB", $4 / 1048576), $2 / 1048576 }'
}

# ID: whatever has been logged of that request, by whichever part, in the order of time.
trace() {
    [ $# = 1 ] || misused 'trace takes the id of a request'
    case $1 in *[!0-9a-f]*) misused "$1 is not the id of a request" ;; ????????????????????????????????) ;; *) misused "$1 is not the id of a request" ;; esac
    cd "$state/log"
    # A line of IM_LOG=json has its moment in it.
    traced=$(grep -F -e "$1" ./*/current ./*/@* 2>/dev/null |
        sed 's,^\./\([^/]*\)/[^:]*:\({"time":"[^"]*"\, *"msec":\([0-9.]*\)\,.*\),\3 \1: \2,; t
             s,^\./\([^/]*\)/[^:]*:\([^ ]*\) ,\2 \1: ,' | sort)
    [ -n "$traced" ] || die "no log has request $1: it is longer ago than they go back, or never came"
    say "$traced"
}
