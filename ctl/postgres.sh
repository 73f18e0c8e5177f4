# The PostgreSQL cluster, and what is deployed to it.

# Those of the cluster's version, which outlives an upgrade of Debian, else of the newest that is installed.
choose_postgres() {
    version=
    [ ! -f "$state/pg/PG_VERSION" ] || read -r version <"$state/pg/PG_VERSION"
    for file in /usr/lib/postgresql/${version:-*}/bin/postgres; do postgres=$file; done
    PATH=${postgres%/*}:/usr/sbin:/usr/bin:/sbin:/bin
}

make_cluster() {
    choose_postgres
    [ -x "$postgres" ] || die "PostgreSQL${version:+ $version, of which the cluster in $state/pg is,} is not installed"
    [ -d "$state/pg" ] || initialize_cluster
    update "$state/postgres/postgresql.conf" "$(postgres_configuration)"
    update "$state/postgres/pg_hba.conf" "local all im_owner peer map=owner
local all all scram-sha-256"
    update "$state/postgres/pg_ident.conf" "owner $self im_owner"
}

initialize_cluster() {
    say "making the PostgreSQL cluster"
    rm -rf "$state/pg.new"
    make_folder pg.new 700 "$db_user"
    output=$(as_db_user initdb -D "$state/pg.new" -U im_owner -E UTF8 --locale=C.UTF-8 -A peer --no-sync --no-instructions \
        2>&1 </dev/null) || die "could not make the cluster: $(say "$output" | tail -n 1)"
    mv "$state/pg.new" "$state/pg"
}

postgres_configuration() {
    cat <<END
# Written by imctl up.  Settings of your own belong in local.conf beside this file, and win.
data_directory = '$state/pg'
hba_file = '$state/postgres/pg_hba.conf'
ident_file = '$state/postgres/pg_ident.conf'
listen_addresses = ''
unix_socket_directories = '$state/db'
max_connections = 200
password_encryption = scram-sha-256
cluster_name = 'im-chat-$IM_PORT_CHAT'

# An answer means that it is on disk.
fsync = on
synchronous_commit = on
full_page_writes = on

recovery_init_sync_method = syncfs     # as safe, and does not open every file
jit = off
log_line_prefix = '%p %u '
log_checkpoints = off
include_if_exists 'local.conf'
END
}

database() { psql -X -q -h "$state/db" -U im_owner -d im -v ON_ERROR_STOP=1 "$@"; }

value() { database -At -c "$@"; }

make_database() {
    [ ! -f "$state/deployed" ] || return 0
    [ "$(value "select from pg_database where datname = 'im'" -d postgres | wc -l)" = 1 ] || database -d postgres -c 'create database im'
}

# The hash of all that is deployed is the comment on schema api; the file deployed tells the programs when that was.
deploy() {
    hash=$({ cd "$share" && sql_files | xargs cat; cat sql/order "$state"/secret/*/PGPASSWORD; say "$IM_TIMEZONE"; } | sha256sum)
    hash=${hash%% *}
    make_database
    [ "$(value "select obj_description(to_regnamespace('api')::oid, 'pg_namespace')")" != "$hash" ] || return 0
    output=$({ deploy_script; say "comment on schema api is '$hash';"; } |
        PGOPTIONS='-c client_min_messages=warning' database -1 -o /dev/null -v timezone="$IM_TIMEZONE" -f - 2>&1) ||
        die "could not deploy sql/: $(say "$output" | head -n 5)"
    : >"$state/deployed"
}

sql_files() { sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$share/sql/order"; }

# Tables once each, by name; functions and rights anew.  All of it is one transaction.
deploy_script() {
    applied=
    [ -z "$(value "select to_regclass('im.migration')")" ] || applied=$(value 'select path from im.migration')
    say 'drop schema if exists api cascade;'
    for file in $(sql_files); do
        case $file in
        sql/schema/*)
            ! say "$applied" | grep -qx "$file" || continue
            say "\\i '$share/$file'" "insert into im.migration (path) values ('$file');"
            ;;
        *) say "\\i '$share/$file'" ;;
        esac
    done
    for program in $built clerk; do
        read -r password <"$state/secret/$program/PGPASSWORD"
        say "alter role im_$program password '$password';"
    done
}
