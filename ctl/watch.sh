# What goes on: does everything answer, and what has become of one request.

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

# ID: whatever has been logged of that request, by whichever part, in the order of time.
trace() {
    [ $# = 1 ] || misused 'trace takes the id of a request'
    case $1 in *[!0-9a-f]*) misused "$1 is not the id of a request" ;; ????????????????????????????????) ;; *) misused "$1 is not the id of a request" ;; esac
    cd "$state/log"
    traced=$(grep -F -e "$1" ./*/current ./*/@* 2>/dev/null | sed 's,^\./\([^/]*\)/[^:]*:\([^ ]*\) ,\2 \1: ,' | sort)
    [ -n "$traced" ] || die "no log has request $1: it is longer ago than they go back, or never came"
    say "$traced"
}
