# Where the stack listens: what it says of that, each address with its port a place, and whether it can and does.
# An address in brackets is a pattern to the shell: no names are expanded here.

# CHAT | BACKSTAGE | REDPACKET
places() (
    set -f
    eval "port=\$IM_PORT_$1"
    case $1 in CHAT) addresses=$IM_LISTEN ;; *) eval "addresses=\$IM_LISTEN_$1" ;; esac
    for address in $addresses; do say "$address:$port"; done
)

# The same as lines of nginx's configuration, for a replacement of sed.
listen_lines() (
    words=$(listen_words)
    places "$1" | while read -r place; do
        printf '%slisten %s backlog=4096%s;' "${place_before:-}" "$place" "$words"
        place_before='\n        '
    done
)

# Before anything is restarted: that each place can be had.  Before the first build there is nothing to try it with.
check_listeners() (
    set -f
    nodelay=${libexec:-$made/clerk}/nodelay
    [ -x "$nodelay" ] || return 0
    first=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)      # read would take it byte by byte, which that file does not do
    own=' '
    ! running || own=" $({ sed -n 's/^ *listen \([^ ;]*\).*/\1/p' "$state/nginx/nginx.conf" "$state/push/nginx.conf"
        cat "$state/env/IM_TURN_LISTEN"; } 2>/dev/null | tr '\n' ' ')"
    for place in $(places CHAT); do check_place IM_PORT_CHAT IM_LISTEN; done
    for place in $(places BACKSTAGE); do check_place IM_PORT_BACKSTAGE IM_LISTEN_BACKSTAGE; done
    for place in $(places REDPACKET); do check_place IM_PORT_REDPACKET IM_LISTEN_REDPACKET; done
    for place in "127.0.0.1:$IM_PORT_HOP"; do check_place IM_PORT_HOP ''; done
    for place in "127.0.0.1:$IM_PORT_METRICS"; do check_place IM_PORT_METRICS ''; done
    for place in $IM_TURN_LISTEN; do check_place IM_TURN_LISTEN IM_TURN_LISTEN; done
)

# KEY_OF_PORT KEY_OF_ADDRESS: of what the stack has already the address alone is tried, with any port.
check_place() {
    address=${place%:*} port=${place##*:}
    any=0.0.0.0
    case $address in \[*) any='[::]' ;; esac
    try=$port
    case $own in
    *" $place "* | *" $any:$port "*) try=0 ;;
    *":$port "*) [ "$address" != "$any" ] || try=0 ;;
    esac
    [ "$self" != root ] || [ "$port" -ge "$first" ] ||
        die "port $port is below $first, and no server here is root's: sysctl net.ipv4.ip_unprivileged_port_start=$port, or set $1"
    why=$("$nodelay" "$address" "$try" true 2>&1) || case $why in
    *'in use') die "port $port is taken by another program: end that, or set $1" ;;
    *) die "could not listen at $place: ${why##*: } ($2)" ;;
    esac
}

# After all is started: that whoever connects to each is answered.
check_answers() {
    patiently all_places_answer || die "nobody answers at $silent"
}

all_places_answer() {
    set -f
    # shellcheck disable=SC2046
    silent=$(get -k -w '\nplace %{http_code} %{url}\n' $({ places CHAT; places BACKSTAGE; places REDPACKET; } | sed "s|^|$(scheme)://|") |
        sed -n 's/^place 000 //p')
    set +f
    [ -z "$silent" ]
}
