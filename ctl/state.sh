# The state folder: what is in it, whose it is, the secrets.

check_path() {
    case $state in *[!A-Za-z0-9/._+-]*) die "the path $state has characters other than A-Z a-z 0-9 / . _ + -" ;; esac
    longest=$state/run/redpacket.sock
    [ ${#longest} -le 107 ] || die "the path $state is $((${#longest} - 107)) characters too long for Unix sockets: set IM_STATE_DIR"
}

check_state() {
    mkdir -p "$state" 2>/dev/null || die "could not make the state folder $state"
    owner=$(stat -c %U "$state")
    [ "$owner" = "$self" ] || die "the state folder $state belongs to $owner: run imctl as $owner, or set IM_STATE_DIR"
    chmod 755 "$state"
    for name in $user $db_user; do
        [ "$name" = "$self" ] || id -u "$name" >/dev/null 2>&1 || make_user "$name"
    done
    as_user test -x "$state" && as_db_user test -x "$state" || die "the user $user cannot reach $state: set IM_STATE_DIR, for example to /var/lib/im-chat"
    needed=200
    [ ! -d "$state/pg" ] || needed=32
    free=$(df -Pk "$state" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge $needed ] || die "the disk of $state is full: $free MiB are free, $needed are needed"
}

make_user() {
    say "making the system user $1"
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1" ||
        id -u "$1" >/dev/null || die "could not make the user $1"
}

lock_state() {
    exec 8<"$state"
    flock -w 120 8 || die "another imctl is at work in $state"
}

# NAME MODE [OWNER]
make_folder() {
    [ ! -d "$state/$1" ] || return 0
    mkdir -m "$2" "$state/$1"
    [ "${3:-$self}" = "$self" ] || chown "$3:" "$state/$1"
}

# What root writes is in root's folders, where the user's processes cannot plant anything.
make_folders() {
    for name in cgi-bin nginx push postgres service; do make_folder $name 755; done
    for name in secret log; do make_folder $name 700; done
    for name in run files nginx/tmp push/tmp; do make_folder $name 700 "$user"; done
    make_folder db 755 "$db_user"
    [ -f "$conf" ] || cp "$share/im-chat.conf" "$conf"
}

# FILE TEXT: written only if it differs, so that a file newer than a part's start means that the part must know.
update() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ] || say "$2" >"$1"; }

# Copies, so that building while the stack runs changes nothing until the next up.
copy_programs() {
    built=
    for program in $PROGRAMS; do
        [ ! -x "$programs/$program" ] || built="$built $program"
    done
    [ -n "$built" ] || die "nothing is built in $programs"
    for program in $built; do copy_program "$programs/$program"; done
    copy_program "$clerk"
    copy_program "$(command -v multiwatch)"
}

# Processes of a program that their user cannot read keep their environment, and the secrets in it, to themselves:
# those of ours see to that themselves, multiwatch does not.
copy_program() {
    copy=$state/cgi-bin/${1##*/}
    ! cmp -s "$1" "$copy" || return 0
    install -m 711 "$1" "$copy.new"
    mv "$copy.new" "$copy"
}

# One folder per program, as chpst -e reads it: its own database password, and those keys that it needs.
# A key is changed by changing its file in secret/; jwt-key-old is still accepted.
make_secrets() {
    keep secret/jwt-key 32
    keep secret/trade-pepper 32
    for program in $built clerk; do
        make_folder "secret/$program" 700
        keep "secret/$program/PGPASSWORD" 24
        [ "$program" != clerk ] || continue
        share_secret jwt-key IM_JWT_KEY
        share_secret jwt-key-old IM_JWT_KEY_OLD
        case $program in auth | wallet | redpacket) share_secret trade-pepper IM_TRADE_PEPPER ;; esac
        case $program in wallet) share_secret payment-key IM_PAYMENT_KEY ;; esac
    done
}

# FILE BYTES: random hexadecimal digits, made once.
keep() {
    [ ! -s "$state/$1" ] || return 0
    (umask 077 && od -An -v -tx1 -N"$2" /dev/urandom | tr -d ' \n' >"$state/$1.new" && echo >>"$state/$1.new")
    mv "$state/$1.new" "$state/$1"
}

share_secret() {
    copy=$state/secret/$program/$2
    if [ ! -s "$state/secret/$1" ]; then
        [ ! -e "$copy" ] || rm "$copy"
    elif newer "$state/secret/$1" "$copy"; then
        (umask 077 && cat "$state/secret/$1" >"$copy.new")
        mv "$copy.new" "$copy"
    fi
}
