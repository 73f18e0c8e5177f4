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
    update "$state/postgres/pg_hba.conf" "$(own_lines pg_hba; say 'local all im_owner peer map=imctl' 'local all postgres peer map=imctl' \
        'local all im_monitor peer map=imctl' 'local replication,im im_backup peer map=imctl' 'local all all scram-sha-256')"
    # Who runs imctl is the owner of the schema, or, to make roles and the database, the superuser.
    update "$state/postgres/pg_ident.conf" "$(own_lines pg_ident; say "imctl $self im_owner" "imctl $self postgres" "imctl $self im_backup" "imctl $db_user im_backup" "imctl $self im_monitor")"
}

# NAME: what an operator has written into NAME.local, which comes first.
own_lines() { [ ! -f "$state/postgres/$1.local" ] || awk 1 "$state/postgres/$1.local"; }

initialize_cluster() {
    say "making the PostgreSQL cluster"
    rm -rf "$state/pg.new"
    make_folders 700 "$db_user" pg.new
    output=$(as_db_user initdb -D "$state/pg.new" -U postgres -E UTF8 --locale=C.UTF-8 -A peer --no-sync --no-instructions \
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
include_if_exists 'archive.conf'       # imctl archive on
include_if_exists 'local.conf'
END
}

database() { psql -X -q -h "$state/db" -U im_owner -d im -v ON_ERROR_STOP=1 "$@"; }

value() { database -At -c "$@"; }

superuser() { database -U postgres "$@"; }

make_database() {
    [ ! -f "$state/deployed" ] || return 0
    superuser -d postgres -At <<'END' || die "could not make the database"
select 'create role im_owner login' where not exists (select from pg_roles where rolname = 'im_owner') \gexec
select 'create database im' where not exists (select from pg_database where datname = 'im') \gexec
END
}

# --- what is deployed ---

# The comment on schema api is the hash of all that is deployed and that of the programs' log-ins, which are made anew alone
# when nothing else has changed; the file deployed tells the programs when that was.
deploy() {
    make_database
    check_schema
    logins=$(login_script)
    calls=$(call_script)
    hash=$({ cd "$share" && sql_files | xargs cat; cat sql/order programs; say "$calls" "$IM_TIMEZONE" "$IM_URL"; } | digest)
    deployed="$hash $(say "$logins" | digest)"
    case $(value "select obj_description(to_regnamespace('api')::oid, 'pg_namespace')") in
    "$deployed") return ;;
    "$hash "*) script=login_changes ;;
    *) script=deploy_script ;;
    esac
    output=$($script | PGOPTIONS='-c client_min_messages=warning' superuser -1 -o /dev/null -v programs="$callers" -v timezone="$IM_TIMEZONE" -v url="$IM_URL" -f - 2>&1) ||
        die "could not deploy sql/: $(say "$output" | head -n 5)$(deploy_advice)"
    : >"$state/deployed"
}

digest() {
    sum=$(sha256sum)
    say "${sum%% *}"
}

login_changes() { say "$logins" "comment on schema api is '$deployed';"; }

deploy_advice() {
    case $output in *'permission denied for function'*) say '' "Which program may call what is in $share/sql/grant.sql." ;; esac
}

sql_files() { sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$share/sql/order"; }

# What has been applied, a file and its hash a line.
applied() {
    database -At -F ' ' <<'END' || die "could not read what is deployed"
select to_regclass('im.migration') is not null as there \gset
\if :there
select path, coalesce(to_jsonb(m) ->> 'hash', '-') from im.migration m order by applied_at, path;
\endif
END
}

# Tables are made once: a file that has been applied must stay as it was.
check_schema() {
    [ -f "$state/deployed" ] || return 0
    schema=$newline$(cd "$share" && sha256sum sql/schema/*)$newline
    applied=$(applied)
    [ -z "$applied" ] || say "$applied" | while read -r file hash; do
        case $schema in *"$newline$hash  $file$newline"*) continue ;; esac
        die "$file has changed since it was applied: add a file after it, or remove $state and lose its data"
    done
}

# Tables once each, by name; functions and rights anew; then every call that a program will make is tried by its role, and
# not run.  All of it is one transaction.
deploy_script() {
    applied=$(applied)
    say 'drop schema if exists api cascade;'
    for file in $(sql_files); do
        case $file in
        sql/role.sql) say "\\i '$share/$file'" 'set local role im_owner;' ;;
        sql/schema/*)
            case "
$applied" in *"
$file "*) continue ;; esac
            file_hash=$(sha256sum "$share/$file")
            say "\\i '$share/$file'" "insert into im.migration (path, hash) values ('$file', '${file_hash%% *}');"
            ;;
        *) say "\\i '$share/$file'" ;;
        esac
    done
    say 'reset role;'
    login_changes
    say "$calls"
}

# A program's password, and how many connections it may have: twice what its processes hold, for what PostgreSQL has not yet
# noticed to be gone counts too.
login_script() {
    for program in $callers; do
        read -r password <"$state/secret/$program/PGPASSWORD"
        count=$(($(processes "$program") * (${IM_DB_CONNECTIONS:-4} + 1) * 2))
        say "alter role im_$program password '$password' connection limit $count;"
    done
}

call_script() {
    statements=$(statements) || exit
    say "$statements" | sed '/^set local role /!{s/\$[0-9]*/null/g; s/.*/explain &;/}'
}

# Of each program, after the words that make its role the one who asks.
statements() {
    for program in $callers; do
        eval "file=\$file_$program"
        say "set local role im_$program;"
        "$file" --calls || die "$file does not say what it calls"
    done
}
