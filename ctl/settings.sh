# Settings: the environment, else im-chat.conf, else the default.  The file settings has all keys and what their values may be.

read_settings() {
    check_settings
    [ ! -f "$conf" ] || read_conf "$conf"
    : "${IM_PORT_CHAT:=8080}" "${IM_PORT_BACKSTAGE:=8081}" "${IM_PORT_REDPACKET:=8082}"
    check_port_numbers IM_PORT_CHAT IM_PORT_BACKSTAGE IM_PORT_REDPACKET
    : "${IM_PORT_HOP:=$((IM_PORT_REDPACKET + 1))}"
    : "${IM_PORT_METRICS:=$((IM_PORT_HOP + 1))}"
    check_port_numbers IM_PORT_HOP IM_PORT_METRICS
    : "${IM_LISTEN:=0.0.0.0}" "${IM_LISTEN_BACKSTAGE:=$IM_LISTEN}" "${IM_LISTEN_REDPACKET:=127.0.0.1}" "${IM_ORIGINS:=}" "${IM_RATE_LIMIT:=on}"
    : "${IM_LOG:=plain}" "${IM_LOG_SIZE:=10}" "${IM_LOG_FILES:=10}"
    : "${IM_NGINX_WORKERS:=auto}" "${IM_NGINX_CONNECTIONS:=16384}" "${IM_SOCKETS:=20000}" "${IM_TIMEZONE:=Asia/Shanghai}"
    : "${IM_ADDRESS_CONNECTIONS:=1000}" "${IM_URL:=}" "${IM_TRUSTED_PROXIES:=}" "${IM_TLS_CERTIFICATE:=}" "${IM_TLS_KEY:=}"
    read_turn_settings
}

read_conf() {
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in '' | '#'*) continue ;; esac
        key=${line%%=*}
        eval ": \"\${$key=\${line#*=}}\""
    done <"$1"
}

# All that is wrong ends imctl: where it stands, what it is, what it should be.
check_settings() {
    problems=$(settings_problems)
    [ -z "$problems" ] || die "$problems"
}

settings_problems() {
    number=0
    [ ! -f "$conf" ] || while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in
        '' | '#'*) ;;
        IM_*=*) check_setting "$conf:$number: " "${line%%=*}" "${line#*=}" ;;
        *) say "$conf:$number: not KEY=value: $line" ;;
        esac
    done <"$conf"
    while read -r key rest; do
        case $key in '#'* | *[!A-Z_]*) continue ;; esac
        eval "check_setting '' $key \"\${$key:-}\""
    done <"$share/ctl/settings"
}

# WHERE KEY VALUE: one that is empty counts as none.
check_setting() {
    [ -n "$3" ] || return 0
    while read -r known kind least most other; do
        # shellcheck disable=SC2254  # one key ends with a star
        case $2 in $known) ;; *) continue ;; esac
        "is_$kind" "$3" "$least" "$most" "$other" || say "$1$2 is not $should: $3"
        return
    done <"$share/ctl/settings"
    say "$1$2 is not a setting; $(nearest "$2" <"$share/ctl/settings") is"
}

# VALUE [LEAST MOST OTHER]: whether it is one; should says what it should be.
is_text() { :; }

is_port() {
    should='a port'
    case $1 in 0* | *[!0-9]* | ??????*) return 1 ;; esac
    [ "$1" -le 65535 ]
}

is_number() {
    should="a number from $2 to $3${4:+, nor $4}"
    [ "$1" != "${4:-}" ] || return 0
    case $1 in *[!0-9]* | ?????????*) return 1 ;; esac
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

is_word() {
    should="$2 or $3"
    [ "$1" = "$2" ] || [ "$1" = "$3" ]
}

# Numbers, for a name may be another address tomorrow; an IPv6 one in brackets.
is_addresses() {
    should='an address, or several with blanks between them'
    all_addresses "$1"
}

all_addresses() (
    set -f
    for one in $1; do
        case $one in
        \[*[!0-9a-fA-F:.]*\]) return 1 ;;
        \[*:*\]) ;;
        *[!0-9.]*) return 1 ;;
        *) is_ipv4 "$one" || return 1 ;;
        esac
    done
)

is_ipv4() (
    case $1 in *.*.*.*.*) return 1 ;; *.*.*.*) ;; *) return 1 ;; esac
    IFS=.
    for part in $1; do
        case $part in '' | ????* | 0?*) return 1 ;; esac
        [ "$part" -le 255 ] || return 1
    done
)

is_networks() {
    should='an address or a network, such as 192.0.2.0/24 or 2001:db8::/32, or several with blanks between them'
    for one in $1; do
        case $one in
        */*[!0-9]* | */ | */????*) return 1 ;;
        *[!0-9a-fA-F:/.]*) return 1 ;;
        *:*/*) [ "${one#*/}" -le 128 ] || return 1 ;;
        *:*) ;;
        */*) [ "${one#*/}" -le 32 ] && is_ipv4 "${one%/*}" || return 1 ;;
        *) is_ipv4 "$one" || return 1 ;;
        esac
    done
}

is_file() {
    should='the path of a file, from the root on'
    case $1 in *[!A-Za-z0-9/._@+-]*) return 1 ;; /*) ;; *) return 1 ;; esac
}

is_url() {
    should='https:// or http:// and a name, without a slash at the end'
    case $1 in *[!A-Za-z0-9:/._[-]* | */) return 1 ;; http://* | https://*) ;; *) return 1 ;; esac
}

# PostgreSQL would take GMT+8 too, and mean eight hours west of Greenwich.
is_zone() {
    should='the name of a time zone, such as Asia/Shanghai'
    case $1 in *[!A-Za-z0-9/_+-]* | *..* | posix* | right* | localtime) return 1 ;; esac
    [ ! -d /usr/share/zoneinfo/Asia ] || [ -f "/usr/share/zoneinfo/$1" ]
}

# WORD: of the names that the lines of standard input begin with, the one that takes the fewest letters changed.
nearest() {
    awk -v word="$1" '
        function least(a, b) { return a < b ? a : b }
        function distance(from, to,    i, j, above, last, kept) {
            for (j = 0; j <= length(to); j++) last[j] = j
            for (i = 1; i <= length(from); i++) {
                above = last[0]; last[0] = i
                for (j = 1; j <= length(to); j++) {
                    kept = last[j]
                    last[j] = least(least(last[j], last[j - 1]) + 1, above + (substr(from, i, 1) != substr(to, j, 1)))
                    above = kept
                }
            }
            return last[length(to)]
        }
        /^[A-Za-z]/ && (!best || distance(word, $1) < fewest) { best = $1; fewest = distance(word, $1) }
        END { print best }'
}
