# Administrators.

random_password() { head -c 1000 /dev/urandom | tr -dc a-km-z2-9 | head -c 16; }

# FUNCTION NAME PASSWORD ROLE: im.admin_create, or im.admin_password, which takes no role.
administer() {
    hash=$(say "$3" | "$state/cgi-bin/auth" --hash) || die "could not hash the password"
    output=$(say "select im.$1(:'name', :'hash'${4:+, :'role'})" |
        database -At -v name="$2" -v hash="$hash" -v role="$4" -f - 2>&1) ||
        case $output in *admin_name_i1004*) die "there is an administrator $2 already" ;; *) die "$(refusal "$output")" ;; esac
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

# SQL NAME: a change of an administrator, without a password.
change_administrator() {
    output=$(say "select im.$1" | database -At -v name="$2" -f - 2>&1) || die "$(refusal "$output")"
}

# What psql says of a refusal, in a line: the reason that we give, else PostgreSQL's.
refusal() {
    why=$(say "$1" | sed -n 's/^HINT:  //p' | head -n 1)
    say "${why:-$(say "$1" | sed -n 's/.*ERROR:  //p' | head -n 1)}"
}

# NAME: of an administrator or a service.
check_name() {
    case $1 in '' | *[!A-Za-z0-9_.-]*) ;; *) [ ${#1} -gt 32 ] || return 0 ;; esac
    die "not a name: $1 (1 to 32 of A-Z a-z 0-9 _ . -)"
}

check_role() {
    case $1 in super | moderator | finance | auditor) ;; *) misused "not a role: $1 (super, moderator, finance, auditor)" ;; esac
}

admin() {
    password=$(random_password)
    case $#,${1:-} in
    3,add)
        check_role "$3"
        check_name "$2"
        administer admin_create "$2" "$password" "$3"
        ;;
    2,passwd | 2,password) administer admin_password "$2" "$password" '' ;;
    2,disable) change_administrator "admin_disable(:'name', true)" "$2"; return ;;
    2,enable) change_administrator "admin_disable(:'name', false)" "$2"; return ;;
    2,totp-off) change_administrator "admin_totp_off(:'name')" "$2"; return ;;
    1,list) list_administrators; return ;;
    *) usage >&2; exit 2 ;;
    esac
    say "the password of $2 is $password"
}

list_administrators() {
    value "select format('%-32s %-9s %-8s %-4s %s', name, role, case when disabled then 'disabled' else 'enabled' end,
                         case when totp then 'totp' else '-' end, coalesce(im.time_text(\"lastLoginTime\"), 'never'))
             from im.admin_list order by id"
}

# A row's hash that was noted elsewhere shows that nobody has made the whole chain anew.
audit() {
    case $#,${1:-} in 1,verify | 3,verify) ;; *) usage >&2; exit 2 ;; esac
    problem=$(value "select 'row ' || id || ' ' || problem from im.audit_check()")
    [ -z "$problem" ] || die "the record does not hold: $problem"
    [ $# = 1 ] || [ "$(say "select count(*) from im.audit_tail where id >= :'id'::bigint" | database -At -v id="$2" -f - 2>/dev/null)" != 1 ] ||
        die "row $2 is forgotten (setting audit.keep): ask for a later one"
    [ $# = 1 ] || [ "$(say "select count(*) from im.audit where id::text = :'id' and encode(hash, 'hex') = :'hash'" |
        database -At -v id="$2" -v hash="$3" -f -)" = 1 ] || die "the record does not hold: row $2 has not had that hash"
    value "select format('the record holds: %s rows, the last is %s', h.id - t.id, encode(h.hash, 'hex')) ||
                  case when t.id > 0 then '; rows up to ' || t.id || ' are forgotten (audit.keep)' else '' end
             from im.audit_head h, im.audit_tail t"
}
