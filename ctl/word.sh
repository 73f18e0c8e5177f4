# Sensitive words.

word() {
    forced=false
    case $#,${1:-},${3:-} in
    3,import,--force) forced=true ;;
    2,import,) ;;
    *) usage >&2; exit 2 ;;
    esac
    [ -f "$2" ] || die "there is no file $2"
    iconv -f UTF-8 -t UTF-8 "$2" >/dev/null 2>&1 || [ ! -r "$2" ] || die "$2 is not UTF-8: iconv(1) can change that"
    # As base64 it is one argument of SQL, whatever its bytes are.
    list=$(openssl base64 -A -in "$2" 2>/dev/null) || die "could not read $2"
    table=$(say "select * from im.word_import(decode('$list', 'base64'), $forced)" | database -P footer=off -f - 2>&1) ||
        die "$(refusal "$table")"
    say "$table"
}
