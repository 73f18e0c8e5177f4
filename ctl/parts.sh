# The parts, supervised by runit: a folder per part in service/, the scripts that all share in service/.scripts/.

write_parts() {
    set --
    for script in life.sh keeper log stop; do
        ! newer "$share/ctl/run/$script" "$service/.scripts/$script" || set -- "$@" "$share/ctl/run/$script"
    done
    [ $# -eq 0 ] || cp "$@" "$service/.scripts/"
    # Of the two that may listen for the backstage the one that does not any more is restarted first.
    servers='nginx push'
    ! fronted || servers='push nginx'
    parts="postgres $servers clerk decoder${IM_TURN_LISTEN:+ turn}$served"
    make_part_folders
    write_log_settings
    run="chpst -P"
    run_db=$run
    [ "$self" != root ] || run="$run -u $user" run_db="$run_db -u $db_user"
    write_part postgres INT "[ \"\${old_boot:-\$boot}\" = \"\$boot\" ] || rm -f $state/pg/postmaster.pid   # of another boot: says nothing
exec $run_db $postgres -D $state/pg -c config_file=$state/postgres/postgresql.conf"
    listener=
    fronted || listener="$state/cgi-bin/nodelay '$IM_LISTEN_BACKSTAGE' $IM_PORT_BACKSTAGE"
    write_part push TERM "rm -f $state/run/push.sock $state/run/ws.sock
$(nginx_command push ${listener:+"$listener"})"
    # What a killed nginx has left of uploads.
    write_part nginx QUIT "$run find $state/nginx/tmp -type f -delete
$(nginx_command nginx)"
    write_part clerk TERM "exec chpst -e $state/env $run -e $state/secret/clerk ${IM_WRAP:-} $state/cgi-bin/imclerk"
    # The decoder has no environment, and its socket is the only thing of ours that it has; that of the others' user.
    owner=
    [ "$self" != root ] || owner=" -U $user -u $decoder_user -g $decoder_user"
    write_part decoder TERM "rm -rf $state/run/decoder.sock $state/decoder/*
exec chpst -P spawn-fcgi$owner -n -s $state/run/decoder.sock -M 0600 \\
    -- $state/cgi-bin/multiwatch -t 500 -r 10 -f $(processes decoder) -- $state/cgi-bin/imdecoder $state/decoder"
    owner=
    [ "$self" != root ] || owner=" -u $turn_user"
    [ -z "$IM_TURN_LISTEN" ] || write_part turn TERM "ulimit -n \"\$(ulimit -H -n)\"
exec chpst -P$owner turnserver -c $state/turn/turnserver.conf --pidfile="
    # By itself it gives a process up after 3 deaths within 10 s.  When it has given up all, it ends and runit starts anew.
    for program in $served; do
        write_part "$program" TERM "rm -f $state/run/$program.sock
exec chpst -e $state/env $run -e $state/secret/$program spawn-fcgi -n -s $state/run/$program.sock -M 0600 \\
    -- $state/cgi-bin/multiwatch -t 500 -r 10 -f $(processes "$program") -- ${IM_WRAP:-} $state/cgi-bin/$program"
    done
}

# NAME [COMMAND ...]: by a command that runs it.  nginx opens its access log, which is the pipe to svlogd, by name.
nginx_command() {
    folder=$state/$1
    shift
    [ "$self" != root ] || say "chown $user /dev/stdout"
    say "ulimit -n \"\$(ulimit -H -n)\"" "exec $run${*:+ $*} nginx -e stderr -p $folder -c nginx.conf -g 'daemon off;'"
}

# How much each log keeps, and whether its lines say themselves when they were written.  svlogd looks again when it is told.
# nginx's error log quotes requests with their queries, and a query may hold a token: of nginx svlogd drops the lines that
# have one; what looks like a line of the access log, which has none, it keeps.
write_log_settings() {
    for part in $parts; do
        text="s${IM_LOG_SIZE}000000
n$IM_LOG_FILES"
        case $part in nginx | push) text="$text
-*?*
+* * \"*
+{*" ;; esac
        stamp=-tt
        case $IM_LOG,$part in json,postgres | json,turn | json,decoder) ;; json,*) stamp='' ;; esac
        holds "$state/log/$part/config" "$text" && holds "$service/$part/log/stamp" "$stamp" && continue
        say "$text" >"$state/log/$part/config"
        say "$stamp" >"$service/$part/log/stamp"
        [ ! -f "$service/$part/log/life" ] || sv -w 10 restart "$service/$part/log" >/dev/null 2>&1 || :
    done
}

# The folders of new parts with what is the same in all, and those of their logs: all at once, for each program that is
# run costs more than what it does here.
make_part_folders() (
    set --
    for part in $parts; do [ -d "$service/$part" ] || set -- "$@" "$part"; done
    [ $# -gt 0 ] || return 0
    rm -rf "$service/.new"
    mkdir "$service/.new"
    cd "$service/.new"
    # shellcheck disable=SC2046
    mkdir -p $(printf "%s/log %s/control $state/log/%s " $(for part in "$@"; do say "$part" "$part" "$part"; done))
    for part in "$@"; do
        say '#!/bin/sh' '. ../../.scripts/log' >"$part/log/run"
        say '#!/bin/sh' '. ../.scripts/stop' >"$part/control/t"
        : >"$part/run"
    done
    chmod 755 ./*/run ./*/log/run ./*/control/t
    mv -- * "$service/"
)

# PART SIGNAL COMMANDS: how it is started; SIGNAL stops it.
write_part() {
    folder=$service/$1
    update "$folder/signal" "$2"
    update "$folder/run" "#!/bin/sh
# Runs $1; written by imctl up.
exec 2>&1
. $service/.scripts/life.sh
life_begin
$3"
}

# --- all of them ---

# FOLDER COMMAND: a function of life.sh for that part.
in_folder() (set +e && cd "$1" && . "$service/.scripts/life.sh" && shift && "$@")

running() { [ -f "$service/life" ] && in_folder "$service" life_runs; }

# The keeper keeps runsvdir.  Parts that PostgreSQL and the schema come before have the file down until start_parts.
start_keeper() {
    ! running || return 0
    for part in $parts; do
        [ "$part" = postgres ] || : >"$service/$part/down"
    done
    # runsvdir lets a second pass before it reads a folder that has just changed; keeper writes into this file.
    : >"$service/life"
    touch -d '1 minute ago' "$service"
    (cd "$service" && exec env -i PATH="$PATH" LC_ALL=C.UTF-8 setsid .scripts/keeper) >/dev/null 2>&1 </dev/null 8<&- &
    patiently running || die "could not start runit"
}

stop_parts() {
    stop_together 10 nginx      # nothing new comes in; then who publishes, then where it is published
    # shellcheck disable=SC2046
    stop_together 10 $(part_names | grep -vx 'nginx\|push\|postgres')
    stop_together 10 push
    stop_together 60 postgres
    in_folder "$service" keeper_end || :
    for part in $(part_names); do
        in_folder "$service/$part" life_end || :
        in_folder "$service/$part/log" life_end || :
    done
    rm -f "$service"/*/life "$service"/*/log/life "$service"/*/started "$service/life"
}

# SECONDS PART ...: killed after so many seconds.  A part whose runsv is missing is left to life_end.
stop_together() {
    seconds=$1
    shift
    (cd "$service" && printf './%s\n' "$@" | xargs sv -w "$seconds" force-stop >/dev/null 2>&1) || :
}

part_names() {
    for folder in "$service"/*/; do
        folder=${folder%/}
        say "${folder##*/}"
    done
}

# --- one of them ---

# Starts them; what runs, although something of it is newer than its start, is started anew, one after the other: what
# does not come back ends that, and the others run on.  The file started is no younger than the start.
start_parts() {
    for part in "$@"; do
        [ -f "$service/$part/started" ] && in_folder "$service/$part" life_runs || : >"$service/$part/started"
    done
    (cd "$service" && printf '%s/down\n' "$@" | xargs rm -f)
    (cd "$service" && patiently sv up $(printf './%s ' "$@")) >/dev/null 2>&1 || die "runit does not supervise $*"
    for part in "$@"; do
        folder=$service/$part
        has_changed "$part" || continue
        case $part in
        nginx | push) reload_part "$part" ;;
        *) restart_part "$part" && wait_for "$part" ;;
        esac
    done
}

has_changed() {
    case $1 in
    postgres) set -- "$1" "$state"/postgres/*.conf ;;
    nginx | push) set -- "$1" "$state/$1"/*.conf "$state/$1"/*.pem ;;
    clerk) set -- "$1" "$conf" "$state/env" "$state"/env/* "$state/deployed" "$state"/secret/clerk/* "$state/cgi-bin/imclerk" ;;
    decoder) set -- "$1" "$state/cgi-bin/imdecoder" ;;
    turn) set -- "$1" "$state/turn/turnserver.conf" ;;
    *) set -- "$1" "$conf" "$state/env" "$state"/env/* "$state/deployed" "$state/secret/$1"/* "$state/cgi-bin/$1" ;;
    esac
    for file in "$service/$1/run" "$@"; do
        [ ! "$file" -nt "$service/$1/started" ] || return 0
    done
    return 1
}

# nginx reads its configuration again; how it is run, and the socket that it has inherited, stay as they are.
reload_part() {
    if [ "$service/$1/run" -nt "$service/$1/started" ]; then
        restart_part "$1" && wait_for "$1"
    else
        : >"$service/$1/started"
        sv hup "$service/$1" >/dev/null
    fi
}

restart_part() {
    : >"$service/$1/started"
    sv -w 30 restart "$service/$1" >/dev/null || :
}

# Parts that are no more: their program is gone, or they are not asked for any more.
remove_parts() {
    for part in $(part_names); do
        case " $parts " in *" $part "*) continue ;; esac
        rm -rf "${service:?}/.$part" && mv "$service/$part" "$service/.$part"      # where runsvdir does not start it anew meanwhile
        sv -w 10 force-shutdown "$service/.$part" >/dev/null 2>&1 || :
        rm -rf "${service:?}/.$part"
    done
}

part_processes() {
    in_folder "$service/$1" life_runs || return 0
    read -r boot leader start <"$service/$1/life"
    say "$everything" | awk -v leader="$leader" '$2 == leader || $3 == leader { printf "%s ", $1 }'
}

# --- do they answer? ---

# PART ...: until all of them do, or one says that it cannot.
wait_for() {
    answered=$(answer_together "$@")
    for part in "$@"; do
        case "$newline$answered$newline" in *"$newline$part$newline"*) continue ;; esac
        patiently answers_or_fails "$part" && [ -z "$reason" ] || die "$part does not answer${reason:-; its log ends:
$(tail -n 5 "$state/log/$part/current" 2>&1)}"
    done
}

answers_or_fails() {
    reason=
    answers "$1" || {
        reason=$(fatal_line "$1")
        [ -n "$reason" ]
    }
}

# What has ended a program of this part since it was started: ": " and the log's line, without svlogd's time.
fatal_line() {
    since=$(date -u -r "$service/$1/started" +%Y-%m-%d_%H:%M:%S.%N)
    awk -v since="$since" '
        /^[{]/ { $0 = substr($0, 10, 10) "_" substr($0, 21, 8) ".999999999 " (/"level":"fatal"/ ? "fatal: " : "") $0 }
        $1 >= since && / fatal( [^ ]*)?: / { sub(/^[^ ]* /, ""); print ": " $0; exit }' "$state/log/$1/current"
} 2>/dev/null

answers() {
    case $1 in
    postgres) postgres_says_ready && pg_isready -q -h "$state/db" -U postgres -d postgres ;;
    push) get -f -o /dev/null --unix-socket "$state/run/push.sock" http://push/status ;;
    clerk) [ "$(value "select count(*) > 0 from pg_stat_activity where usename = 'im_clerk'" 2>/dev/null)" = t ] ;;
    decoder) hangs_up "$state/run/decoder.sock" ;;
    turn) turn_answers ;;
    socket) [ "$(get -o /dev/null -w '%{http_code}' "http://127.0.0.1:$IM_PORT_HOP/socket/handshake")" = 401 ] ;;
    *) [ "$(answer_together "$1")" = "$1" ] ;;
    esac
}

# PART ...: those that answer, of all that are asked by HTTP.  Whoever is there answers a path or method that it does not have
# with code 404, or asks for a token.
answer_together() {
    urls='' refused=''
    for part in "$@"; do
        shift
        url=$(scheme)://${IM_LISTEN%% *}:$IM_PORT_CHAT/$part
        case $part in
        postgres | push | clerk | decoder | turn | socket) continue ;;
        auth) url=${url%auth}setTradePwd ;;
        session) url=${url%session}logout ;;
        wallet) url=${url%wallet}user/recharge ;;
        redpacket) url=${url%redpacket}redPackage ;;
        backstage) url=http://127.0.0.1:$IM_PORT_HOP/im ;;
        metrics) url=http://127.0.0.1:$IM_PORT_METRICS/live ;;
        esac
        urls="$urls $url"
        set -- "$@" "$part"
    done
    # shellcheck disable=SC2086
    [ -z "$urls" ] || get -k -w '\nnext\n' $urls | while read -r line; do
        case $line in
        *'"code":404,'* | *'"code":401,'* | yes) refused=yes ;;
        next)
            [ -z "$refused" ] || say "$1"
            refused=''
            shift
            ;;
        esac
    done
}

# In the file of its process, so that no question disturbs a start.
postgres_says_ready() {
    while read -r word; do [ "$word" != ready ] || return 0; done <"$state/pg/postmaster.pid"
    return 1
} 2>/dev/null

# SOCKET: whoever is there ends a connection that brings no file.  He may be at work on one.
hangs_up() {
    code=0
    get -m 10 -o /dev/null --unix-socket "$1" http://decoder/ || code=$?
    [ "$code" = 52 ] || [ "$code" = 56 ]
}

get() { curl -s -m 2 --noproxy '*' "$@"; }
