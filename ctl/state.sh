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
    for name in $user $db_user $decoder_user ${IM_TURN_LISTEN:+$turn_user}; do
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

# MODE OWNER NAME ...
make_folders() (
    mode=$1 owner=$2
    shift 2
    cd "$state"
    for name in "$@"; do
        shift
        [ -d "$name" ] || set -- "$@" "$name"
    done
    [ $# -gt 0 ] || return 0
    mkdir -m "$mode" "$@"
    [ "$owner" = "$self" ] || chown "$owner:" "$@"
)

# What root writes is in root's folders, where the user's processes cannot plant anything.
lay_out() {
    make_folders 755 "$self" cgi-bin nginx push postgres service service/.scripts
    make_folders 700 "$self" secret log env
    make_folders 700 "$user" run files nginx/tmp push/tmp
    make_folders 755 "$db_user" db
    make_folders 700 "$decoder_user" decoder
    [ -f "$conf" ] || cp "$share/im-chat.conf" "$conf"
}

# FILE TEXT: written only if it differs, so that a file newer than a part's start means that the part must know.
update() { holds "$1" "$2" || say "$2" >"$1"; }

# FILE TEXT: whether it is that and a line's end, asked without another process.
holds() {
    [ -f "$1" ] || return 1
    found=
    while IFS= read -r rest; do found=$found$rest$newline; done <"$1"
    [ "$found$rest" = "$2$newline" ]
}

# Copies, so that building while the stack runs changes nothing until the next up.  What their user cannot read keeps its
# environment, and the secrets in it, to itself: our programs see to that themselves, multiwatch does not.
copy_programs() {
    set --
    for file in $files $(command -v multiwatch); do set -- "$@" "$file"; done
    for file in "$@"; do
        shift
        [ -f "$state/cgi-bin/${file##*/}" ] && cmp -s "$file" "$state/cgi-bin/${file##*/}" || set -- "$@" "$file"
    done
    [ $# -gt 0 ] || return 0
    mkdir -p "$state/cgi-bin/.new"
    install -m 755 -t "$state/cgi-bin/.new" "$@"
    [ ! -f "$state/cgi-bin/.new/multiwatch" ] || chmod 711 "$state/cgi-bin/.new/multiwatch"
    mv "$state/cgi-bin/.new"/* "$state/cgi-bin/"
}

# One folder per program, as chpst -e reads it: its own database password, and those keys that it needs (im-chat(7)).
# A key is changed by changing its file in secret/; of a jwt-key the one before, -old, is still accepted.
make_secrets() {
    split_key
    set -- secret/jwt-key-user secret/jwt-key-admin secret/jwt-key-service secret/trade-pepper secret/turn-secret secret/file-key
    # shellcheck disable=SC2046,SC2086
    make_folders 700 "$self" $(printf 'secret/%s ' $callers)
    for program in $callers; do set -- "$@" "secret/$program/PGPASSWORD"; done
    keep "$@"
    for program in $callers; do
        eval "secrets=\$secrets_$program"
        for secret in $secrets; do
            case $secret in
            jwt-key-user) share_key user IM_JWT_KEY_USER ;;
            jwt-key-admin) share_key admin IM_JWT_KEY_ADMIN ;;
            jwt-key-service) share_key service IM_JWT_KEY_SERVICE ;;
            trade-pepper) share_secret trade-pepper IM_TRADE_PEPPER ;;
            file-key) share_secret file-key IM_FILE_KEY ;;
            turn-secret) share_secret turn-secret IM_TURN_SECRET ;;
            payment-key) share_secret payment-key IM_PAYMENT_KEY ;;
            esac
        done
    done
}

# There was one jwt-key for all: it stays the users'.
split_key() {
    [ -f "$state/secret/jwt-key" ] || return 0
    mv "$state/secret/jwt-key" "$state/secret/jwt-key-user"
    rm -f "$state"/secret/jwt-key-old "$state"/secret/*/IM_*
}

# AUDIENCE NAME
share_key() {
    share_secret "jwt-key-$1" "$2"
    share_secret "jwt-key-$1-old" "$2_OLD"
}

# FILE ...: 64 random hexadecimal digits in each, made once.
keep() {
    for file in "$@"; do
        shift
        [ -s "$state/$file" ] || set -- "$@" "$file"
    done
    [ $# -gt 0 ] || return 0
    od -An -v -tx1 -w32 -N$((32 * $#)) /dev/urandom | tr -d ' ' | (
        umask 077
        for file in "$@"; do read -r digits && say "$digits" >"$state/$file"; done
    )
}

# SECRET NAME: the program's NAME is another name of the same file.
share_secret() {
    file=$state/secret/$1
    name=$state/secret/$program/$2
    if [ ! -s "$file" ]; then
        [ ! -e "$name" ] || rm "$name"
    elif [ ! "$file" -ef "$name" ]; then
        ln -f "$file" "$name"
    fi
}
