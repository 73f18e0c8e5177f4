# shellcheck shell=sh disable=SC2094
# Sourced by the scripts of a part, in the part's folder, and by imctl.  Each life of a part is a session of its own
# (chpst -P); the file life names the newest one: boot, leader (its process, group and session id), start time of the leader.
# The file signal names what stops the part.

read -r boot </proc/sys/kernel/random/boot_id

# PID: sets since to when it started, in ticks since boot; empty when it is gone or a zombie.
started() {
    since=''
    # shellcheck disable=SC2086
    read -r stat <"/proc/$1/stat" && set -- ${stat##*) } && [ "$1" != Z ] && since=${20}
} 2>/dev/null

life_read() {
    old_boot='' leader='' start='' signal=TERM
    read -r old_boot leader start <life
    read -r signal <signal
    [ "$old_boot" = "$boot" ]
} 2>/dev/null

life_runs() { life_read && started "$leader" && [ "$since" = "$start" ]; }

# Ends what is left of the newest life: all of it, killed after a second, or at once what a killed leader left behind.
life_end() {
    life_read || return 0
    if started "$leader"; then
        [ "$since" = "$start" ] || return 0     # the number is another's now
    else
        signal=KILL
    fi
    kill -s "$signal" -- "-$leader" || return 0
    tries=50
    [ "$signal" != KILL ] || tries=10       # after which they are zombies, which hold nothing
    while kill -s 0 -- "-$leader" && [ $((tries -= 1)) -gt 0 ]; do sleep 0.02; done
    kill -s KILL -- "-$leader" || :
} 2>/dev/null

# Begins a new life.  If the newest one still runs, because only its supervisor was killed, waits for it as if it had
# been started here.  What a killed leader left behind is ended first, for it holds sockets and ports.
life_begin() {
    trap 'stopped=yes; life_stop' TERM
    started "$PPID"
    supervised=$since
    while life_runs; do
        # One process that looks, for a minute at most, and not a new one each time.
        timeout 60 tail -f -s 0.1 --pid="$leader" /dev/null &
        wait $! || [ $? -le 128 ] || kill $!
        started "$PPID"
        [ "$since" = "$supervised" ] || exit 0      # the supervisor was killed: its successor's script waits instead
    done
    [ -z "${stopped:-}" ] || exit 0
    trap - TERM
    life_end
    started $$
    echo "$boot $$ $since" >life
}

# Stops the newest life and, if it is another process, the script that waits for it.
life_stop() {
    ! life_runs || kill -s "$signal" "$leader"
    [ -z "${stopped:-}" ] || return 0
    read -r script <supervise/pid
    [ "$script" = "$leader" ] || kill -s TERM "$script"
}

# Ends every supervisor below this folder; the parts run on.
supervisors_end() {
    # shellcheck disable=SC2044  # the names are numbers
    for folder in $(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$PWD/*"); do
        folder=${folder%/cwd}
        read -r name <"$folder/comm" && [ "$name" = runsv ] && kill -s KILL "${folder#/proc/}"
    done
} 2>/dev/null

# Ends the keeper, and with it runsvdir and the supervisors.
keeper_end() {
    ! life_runs || kill -s TERM "$leader"
    tries=50
    while life_runs && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
    life_end
    supervisors_end
}
