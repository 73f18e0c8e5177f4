# Administrators.

random_password() { head -c 1000 /dev/urandom | tr -dc a-km-z2-9 | head -c 16; }

# FUNCTION NAME PASSWORD ROLE: im.admin_create, or im.admin_password, which takes no role.
administer() {
    hash=$(say "$3" | "$state/cgi-bin/auth" --hash) || die "could not hash the password"
    output=$(say "select im.$1(:'name', :'hash'${4:+, :'role'})" |
        database -At -v name="$2" -v hash="$hash" -v role="$4" -f - 2>&1) || die "${output#*ERROR:  }"
}

# The file is there when he is.  Who has deleted it, having learnt it, is not given another.
make_first_administrator() {
    [ ! -f "$state/admin-password" ] || return 0
    [ "$(value 'select count(*) from im.admin')" = 0 ] || return 0
    password=$(random_password)
    (umask 077 && say "$password" >"$state/admin-password.new")
    administer admin_create admin "$password" super
    mv "$state/admin-password.new" "$state/admin-password"
}

admin() {
    password=$(random_password)
    case $#,${1:-} in
    3,add) administer admin_create "$2" "$password" "$3" ;;
    2,password) administer admin_password "$2" "$password" '' ;;
    *) usage >&2; exit 2 ;;
    esac
    say "the password of $2 is $password"
}
