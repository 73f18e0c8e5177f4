# Continuous archiving, by pgbackrest: a folder that is brought up to each change of the database within seconds, from which a
# stack can be made as it was at any moment.  pgbackrest/ in it is pgbackrest's, im-chat/ what the database is worth nothing
# without (KEPT of backup.sh).

archive() {
    case $#,${1:-} in
    2,on) lock_state && archive_on "$2" ;;
    1,off) lock_state && archive_off ;;
    1,backup) archive_backup incr ;;
    2,backup) case $2 in full | diff | incr) archive_backup "$2" ;; *) misused "$2 is no kind of backup: full, diff or incr" ;; esac ;;
    1,list) archived_folder >/dev/null && rest info ;;
    *) usage >&2; exit 2 ;;
    esac
}

# As the user whose the cluster is, like PostgreSQL when it archives.
rest() { as_db_user pgbackrest --config="$state/archive/pgbackrest.conf" --stanza=im --log-level-console=error "$@"; }

archive_on() {
    case $1 in /*) ;; *) die "the folder of the archive is not a path from the root on: $1" ;; esac
    case $1 in *[!A-Za-z0-9/._+-]*) die "the path $1 has characters other than A-Z a-z 0-9 / . _ + -" ;; esac
    [ -x /usr/bin/pgbackrest ] || die "pgbackrest is not installed: apt-get install pgbackrest"
    mkdir -p "$1" && chmod 755 "$1" || die "could not make the folder $1"
    [ -d "$1/im-chat" ] || mkdir -m 700 "$1/im-chat"
    [ -d "$1/pgbackrest" ] || { mkdir -m 700 "$1/pgbackrest" && [ "$db_user" = "$self" ] || chown "$db_user:" "$1/pgbackrest"; }
    say "$1" >"$state/archive.new"
    archive_configuration "$1"
    mv "$state/archive.new" "$state/archive/folder"
    update "$state/postgres/archive.conf" "$(archive_settings)"
    if [ "$(value 'show archive_mode')" != on ]; then restart_part postgres; else sv hup "$service/postgres" >/dev/null; fi
    wait_for postgres
    why=$(rest stanza-create 2>&1 && rest check 2>&1) || die "the archive in $1 does not work: $(say "$why" | tail -n 3)"
    archive_backup full
}

# FOLDER: written anew; what an operator has put into postgres/pgbackrest.local goes into [global], and wins.
archive_configuration() {
    make_folders 700 "$db_user" archive archive/log archive/lock archive/spool
    cat >"$state/archive/pgbackrest.conf" <<END
# Written by imctl.  Settings of your own belong in postgres/pgbackrest.local.
[im]
pg1-path=$state/pg
pg1-socket-path=$state/db
pg1-user=im_backup
pg1-database=im

[global]
repo1-path=$1/pgbackrest
repo1-retention-full=2
compress-type=lz4
start-fast=y
log-path=$state/archive/log
lock-path=$state/archive/lock
spool-path=$state/archive/spool
$([ ! -f "$state/postgres/pgbackrest.local" ] || cat "$state/postgres/pgbackrest.local")
END
    chmod 644 "$state/archive/pgbackrest.conf"
}

archive_settings() {
    say '# Written by imctl archive on.' 'archive_mode = on' 'archive_timeout = 60       # what is lost with the machine, at most' \
        "archive_command = 'pgbackrest --config=$state/archive/pgbackrest.conf --stanza=im archive-push %p'"
}

archive_off() {
    archived_folder >/dev/null
    rm "$state/postgres/archive.conf" "$state/archive/folder"
    restart_part postgres
    wait_for postgres
}

archived_folder() { cat "$state/archive/folder" 2>/dev/null || die "nothing is archived: imctl archive on FOLDER"; }

# KIND
archive_backup() {
    folder=$(archived_folder) || exit
    why=$(beside_slot archive_all "$1")
    [ -z "$why" ] || die "could not back up: $(say "$why" | tail -n 3)"
    sync -f "$folder"
    say "$folder: $(du -sk "$folder" | awk '{ printf "%.1f MB", $1 / 1024 }'), with all secrets: whoever has it has everything"
}

# The rows first, then the bytes that they name; of these, which never change, only those that are not there.
archive_all() {
    rest --type="$1" backup || return
    mkdir -p "$folder/im-chat/postgres"
    for name in $KEPT; do
        [ ! -e "$state/$name" ] || cp -a -u -T "$state/$name" "$folder/im-chat/$name" || return
    done
}

# FOLDER [MOMENT]: unpacks the newest backup before that moment, and has PostgreSQL go on to it, or to the end of what was
# archived, when up starts it.  A moment is in the zone of the stack, which is said to pgbackrest and PostgreSQL: each would
# take one of its own.
unpack_archive() {
    [ -d "$1/pgbackrest" ] && [ -d "$1/im-chat/secret" ] || die "$1 is no archive"
    [ -x /usr/bin/pgbackrest ] || die "pgbackrest is not installed: apt-get install pgbackrest"
    target=
    if [ -n "${2:-}" ]; then
        target=$(TZ=$IM_TIMEZONE date -d "$2" '+%F %T%:z' 2>/dev/null) || die "not a moment, such as 2026-11-28 10:00:00: $2"
    fi
    make_folders 755 "$self" postgres
    for name in $KEPT; do [ ! -e "$1/im-chat/$name" ] || { rm -rf "${state:?}/$name" && cp -a -T "$1/im-chat/$name" "$state/$name"; }; done
    drop_keys
    archive_configuration "$1"
    make_folders 700 "$db_user" pg.new
    why=$(rest --pg1-path="$state/pg.new" --recovery-option="restore_command=pgbackrest --config=$state/archive/pgbackrest.conf --stanza=im archive-get %f \"%p\"" \
        ${target:+--type=time --target="$target" --target-action=promote} restore 2>&1) ||
        die "could not restore from $1: $(say "$why" | tail -n 3)"
    give_restored
    mv "$state/pg.new" "$state/pg"
    say "PostgreSQL goes on to ${target:-the end of the archive}"
}
