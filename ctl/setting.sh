# Settings in the database, which count at once.

setting() {
    case $# in
    0) value "select format('%-28s %-14s %-14s %s', name, value, preset, coalesce(nullif(unit, ''), kind)) from im.setting order by name" ;;
    1) setting_say "$1" ;;
    2) setting_set "$1" "$2" ;;
    *) misused "setting takes a name and a value" ;;
    esac
}

setting_say() {
    told=$(say "select format(E'%s  %s\n%s\n%s (at first %s); see %s', name, value, note,
                              rtrim(im.setting_range(s) || ' ' || unit), preset, manual)
                  from im.setting s where name = :'name'" | database -At -v name="$1" -f -)
    [ -n "$told" ] || setting_unknown "$1"
    say "$told"
}

setting_set() {
    setting_say "$1" >/dev/null
    output=$(say "update im.setting set value = :'value' where name = :'name'" |
        database -At -v name="$1" -v value="$2" -f - 2>&1) || die "$(refusal "$output")"
}

setting_unknown() {
    names=$(value 'select name from im.setting order by name')
    printf 'imctl: %s is not a setting; %s is\n' "$1" "$(say "$names" | nearest "$1")" >&2
    exit 2
}
