# The TURN server: Debian's coturn, a part of the stack when IM_TURN_LISTEN says where it listens.

# IM_TURN_LISTEN becomes ADDRESS:PORT, and IM_TURN what clients are told of it, unless it says something else.
read_turn_settings() {
    : "${IM_TURN_LISTEN:=}" "${IM_TURN:=}" "${IM_TURN_PORTS:=49152-65535}" "${IM_TURN_PEERS:=}" "${IM_TURN_EXTERNAL:=}"
    [ -n "$IM_TURN_LISTEN" ] || return 0
    case $IM_TURN_LISTEN in *]:* | *.*:*) ;; *) IM_TURN_LISTEN=$IM_TURN_LISTEN:3478 ;; esac
    case ${IM_TURN_LISTEN%:*} in
    0.0.0.0 | '[::]') die "IM_TURN_LISTEN is one address, not all: $IM_TURN_LISTEN" ;;
    \[*[!]0-9a-fA-F:[]* | *[!]0-9.]) die "IM_TURN_LISTEN is not an address: $IM_TURN_LISTEN" ;;
    \[*:*] | *.*.*.*) ;;
    *) die "IM_TURN_LISTEN is not an address: $IM_TURN_LISTEN" ;;
    esac
    check_port IM_TURN_LISTEN "${IM_TURN_LISTEN##*:}"
    check_port IM_TURN_PORTS "${IM_TURN_PORTS%-*}"
    check_port IM_TURN_PORTS "${IM_TURN_PORTS#*-}"
    [ "${IM_TURN_PORTS%-*}" -lt "${IM_TURN_PORTS#*-}" ] || die "IM_TURN_PORTS is not FIRST-LAST: $IM_TURN_PORTS"
    case $IM_TURN_PEERS$IM_TURN_EXTERNAL in *[!0-9a-fA-F.:\ -]*) die "IM_TURN_PEERS and IM_TURN_EXTERNAL are addresses" ;; esac
    : "${IM_TURN:=turn:$IM_TURN_LISTEN turn:$IM_TURN_LISTEN?transport=tcp}"
}

# Only its own user can read it, for the secret is in it.
render_turn() {
    file=$state/turn/turnserver.conf
    if [ -z "$IM_TURN_LISTEN" ]; then
        rm -f "$file"
        return
    fi
    command -v turnserver >/dev/null || die "IM_TURN_LISTEN needs Debian's package coturn"
    make_folders 755 "$self" turn
    [ -f "$file" ] || install -m 640 -g "$(id -g "$turn_user")" /dev/null "$file"
    update "$file" "$(turn_configuration)"
}

# A nine-person mesh is 8 connections of each, one that a browser does not bundle takes 2 relays of each url, and we name 2:
# 32, and as many again for 10 minutes when a page was closed without a word.
turn_configuration() {
    address=$(turn_address)
    cat <<END
# Written by imctl up.
listening-ip=$address
relay-ip=$address
${IM_TURN_EXTERNAL:+external-ip=$IM_TURN_EXTERNAL/$address}
listening-port=${IM_TURN_LISTEN##*:}
min-port=${IM_TURN_PORTS%-*}
max-port=${IM_TURN_PORTS#*-}
realm=im-chat
use-auth-secret
static-auth-secret=$(cat "$state/secret/turn-secret")
userdb=:memory:
user-quota=64
total-quota=$((${IM_TURN_PORTS#*-} - ${IM_TURN_PORTS%-*} + 1))
fingerprint
no-tls
no-dtls
no-cli
no-tcp-relay
no-multicast-peers
no-rfc5780
no-stun-backward-compatibility
response-origin-only-with-rfc5780
no-software-attribute
log-file=stdout
simple-log
$(printf 'denied-peer-ip=%s\n' $turn_denied)
$(for peers in $IM_TURN_PEERS; do say "allowed-peer-ip=$peers"; done)
$(case " $IM_TURN_PEERS" in *' 127.'* | *' ::1'*) say allow-loopback-peers ;; esac)
END
}

# What the server reaches and its clients do not: this machine, private and link-local networks, those of carriers, and what
# no packet has business with; and IPv6 that stands for IPv4.
turn_denied="0.0.0.0-0.255.255.255 10.0.0.0-10.255.255.255 100.64.0.0-100.127.255.255 127.0.0.0-127.255.255.255
    169.254.0.0-169.254.255.255 172.16.0.0-172.31.255.255 192.0.0.0-192.0.0.255 192.0.2.0-192.0.2.255
    192.88.99.0-192.88.99.255 192.168.0.0-192.168.255.255 198.18.0.0-198.19.255.255 198.51.100.0-198.51.100.255
    203.0.113.0-203.0.113.255 240.0.0.0-255.255.255.255 ::1 ::ffff:0:0-::ffff:ffff:ffff 64:ff9b::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff
    100::-100::ffff:ffff:ffff:ffff 2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff
    fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

turn_address() { say "${IM_TURN_LISTEN%:*}" | tr -d '[]'; }

turn_answers() { timeout 2 turnutils_stunclient -p "${IM_TURN_LISTEN##*:}" "$(turn_address)" >/dev/null 2>&1; }
