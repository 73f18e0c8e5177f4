# Backups.  One is a tar: the cluster as pg_basebackup copies it, and below im-chat/ what it is worth nothing without.

# Names in the state folder; those that are not there are left out.
KEPT='secret files im-chat.conf admin-password postgres/local.conf postgres/pg_hba.local postgres/pg_ident.local'

backup() {
    [ $# = 1 ] || { usage >&2; exit 2; }
    case $1 in /*) file=$1 ;; *) file=$PWD/$1 ;; esac
    [ ! -e "$file" ] || die "$file exists"
    [ -d "${file%/*}" ] || die "there is no folder ${file%/*}"
    lock_state
    umask 077
    trap 'rm -f "$file.new"' EXIT
    why=$(beside_slot copy_all)
    [ -z "$why" ] || die "could not back up: $(say "$why" | head -n 3)"
    sync "$file.new"
    mv "$file.new" "$file"
    sync "${file%/*}"
    say "$file: $(du -k "$file" | awk '{ printf "%.1f MB", $1 / 1024 }'), with all secrets: whoever has it has everything"
}

# COMMAND ...: prints why it fails.  The slot lives as long as its session.  It keeps the log of changes that the copy needs, and
# while it is there imclerk removes no bytes of files (api.clerk_file_gone): they are copied after the rows.
beside_slot() {
    exec 3>&1
    { say "select pg_create_physical_replication_slot('imctl_backup', true, true);"; { patiently backup_begun && "$@"; } >&3 2>&1 || say failed >&3; } |
        superuser -o /dev/null 2>&1
}

copy_all() {
    pg_basebackup -h "$state/db" -U im_backup -D - -F tar -X fetch -c fast -l imctl --no-sync >"$file.new" || return
    for name in $KEPT; do [ ! -e "$state/$name" ] || say "$name"; done >"$file.names"
    status=0
    tar -rf "$file.new" --format=gnu --transform 's,^,im-chat/,S' -C "$state" -T "$file.names" 2>/dev/null || status=$?
    rm "$file.names"
    [ $status -gt 1 ] || [ "$conf" = "$state/im-chat.conf" ] || [ ! -f "$conf" ] ||
        tar -rf "$file.new" --format=gnu --transform "s,.*,im-chat/im-chat.conf," -C "${conf%/*}" "${conf##*/}" || return
    [ $status -le 1 ]       # 1: a file that is being uploaded has changed; no row knows it yet
}

backup_begun() { [ "$(value "select count(*) from pg_replication_slots where slot_name = 'imctl_backup'")" = 1 ]; }

# FILE, or FOLDER of an archive [MOMENT].  Into a state folder without a database; up does the rest, now or, when something is
# in its way, later.
restore() {
    case $# in 1 | 2) ;; *) usage >&2; exit 2 ;; esac
    [ -f "$1" ] || [ -d "$1" ] || die "there is no file $1"
    [ $# = 1 ] || [ -d "$1" ] || misused "a backup is of one moment, only an archive of any"
    ! running || die "a stack runs in $state"
    [ ! -e "$state/pg" ] || die "$state has a database: a restore wants a state folder without one (IM_STATE_DIR)"
    check_path
    [ "${IM_BUILD:-yes}" = no ] || install_packages run
    check_state
    if [ -d "$1" ]; then (lock_state && unpack_archive "$@"); else (lock_state && unpack "$1"); fi || exit
    "$root/imctl" up
    recall_settings
    ledger check
    audit verify
    say 'everybody has to log in again; services need new tokens (imctl token service NAME)'
}

unpack() {
    new=$state/restore.new
    rm -rf "$new"
    mkdir -m 700 "$new"
    tar -xf "$1" --no-same-owner -C "$new" 2>/dev/null && [ -f "$new/PG_VERSION" ] && [ -d "$new/im-chat/secret" ] || die "$1 is no backup, or is damaged"
    read -r version <"$new/PG_VERSION"
    programs=/usr/lib/postgresql/$version/bin
    [ -x "$programs/pg_verifybackup" ] || die "$1 is of PostgreSQL $version, which is not installed"
    mv "$new/im-chat" "$new.kept"
    why=$("$programs/pg_verifybackup" -q "$new" 2>&1) || die "$1 is damaged: $(say "$why" | head -n 1)"
    make_folders 755 "$self" postgres
    for name in $KEPT; do
        [ ! -e "$new.kept/$name" ] || { rm -rf "${state:?}/$name" && mv "$new.kept/$name" "$state/$name"; }
    done
    rm -rf "$new.kept"
    drop_keys
    [ "$self" != root ] || chown -R "$db_user:" "$new"
    give_restored
    mv "$new" "$state/pg"
}

# Tokens of before are nobody's any more, nor are those that were given out after the backup.
drop_keys() { rm -f "$state"/secret/jwt-key-* "$state"/secret/*/IM_JWT_KEY_*; }

give_restored() {
    [ "$self" != root ] || chown -R "$user:" "$state/files"
    : >"$state/deployed"
    : >"$state/restored"
    sync
}

# What up does before it deploys: waits for a recovery that goes on, and makes a restored database one that gives out nothing
# twice (sql/restored.sql).
leave_recovery() {
    while recovery=$(superuser -d postgres -At -c "select case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else 'over' end") &&
        [ "$recovery" != over ]; do
        [ "$recovery" != paused ] ||
            die "the recovery stands at its target: look at the database (imctl psql), then select pg_wal_replay_resume(), then imctl up"
        sleep 0.2
    done
    [ -f "$state/restored" ] || return 0
    superuser -1 -o /dev/null -f "$share/sql/restored.sql" || die "could not end the sessions of the restored database"
    rm "$state/restored"
}
