#!/bin/sh
# coturn takes a denied range of IPv6 addresses that begins at :: for all of IPv4.
#
# Seen with coturn 4.6.1 (Debian 12).
#
# ::-::1 is the unspecified address and loopback, the first thing that one denies of IPv6.  turnserver takes it, and then refuses
# every IPv4 peer too: no browser with an IPv4 address is relayed to any more, each gets 403, and the log names the address and
# that range.  ::1 alone and fc00::-fdff:: do what they say.  (It denies more than was asked for, so nothing is open by it.)
# Output:
#
#     nothing        198.51.100.7 allowed
#     ::1            198.51.100.7 allowed
#     fc00::-fdff::  198.51.100.7 allowed
#     ::-::1         198.51.100.7 403   A peer IP 198.51.100.7 denied in the range: ::-::1
#
# So: single addresses and ranges that begin above ::, and a test that relays between two IPv4 addresses with the shipped list.

set -eu

if ! dpkg-query -W coturn python3-minimal >/dev/null 2>&1; then
    units=/etc/systemd/system      # Debian would start it for everybody
    [ ! -d $units ] || [ -e $units/coturn.service ] || ln -s /dev/null $units/coturn.service
    apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends coturn python3-minimal >/dev/null
fi

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill $server; rm -rf "$folder"' EXIT
cd "$folder"

# ask PORT PEER: allocates a relay there, asks it for a permission for PEER, and prints "allowed" or the error code.
cat >ask.py <<'END_OF_ASK'
import os, socket, struct, sys

COOKIE = 0x2112A442
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.settimeout(20)
server.connect(("127.0.0.1", int(sys.argv[1])))

def ask(method, attribute, value):
    text = struct.pack("!HH", attribute, len(value)) + value
    server.send(struct.pack("!HHI", method, len(text), COOKIE) + os.urandom(12) + text)
    answer, at, code = server.recv(2000), 20, None
    while at + 4 <= len(answer):
        name, size = struct.unpack("!HH", answer[at:at + 4])
        if name == 0x0009: code = answer[at + 6] * 100 + answer[at + 7]
        at += 4 + (size + 3) // 4 * 4
    return code

code = ask(0x0003, 0x0019, bytes([17, 0, 0, 0]))    # Allocate; REQUESTED-TRANSPORT: UDP
if code: sys.exit("no relay: %d" % code)
address = bytes(a ^ b for a, b in zip(socket.inet_aton(sys.argv[2]), struct.pack("!I", COOKIE)))
print(ask(0x0008, 0x0012, struct.pack("!HH", 1, 9 ^ COOKIE >> 16) + address) or "allowed")    # CreatePermission; XOR-PEER-ADDRESS
END_OF_ASK

port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# RANGE or nothing
asked() {
    turnserver -n --no-auth --listening-ip=127.0.0.1 --relay-ip=127.0.0.1 -p "$port" --no-tls --no-dtls --no-cli --pidfile="$folder/pid" \
        --log-file=stdout --simple-log ${1:+--denied-peer-ip="$1"} >log 2>&1 &
    server=$!
    until [ "$(python3 ask.py "$port" 198.51.100.7 2>/dev/null)" ]; do kill -0 $server; sleep 0.1; done
    printf '%-14s 198.51.100.7 %s%s\n' "${1:-nothing}" "$(python3 ask.py "$port" 198.51.100.7)" "$(sed -n '/denied in/{s/.*ERROR: /   /p;q}' log)"
    { kill $server && wait $server; } 2>/dev/null || :
    server=
}

for range in '' ::1 fc00::-fdff:: ::-::1; do asked $range; done | tee seen

cat >expected <<'END_OF_EXPECTED'
nothing        198.51.100.7 allowed
::1            198.51.100.7 allowed
fc00::-fdff::  198.51.100.7 allowed
::-::1         198.51.100.7 403   A peer IP 198.51.100.7 denied in the range: ::-::1
END_OF_EXPECTED
dpkg-query -W coturn
cmp -s seen expected || { echo "coturn does something else now" >&2; exit 1; }
