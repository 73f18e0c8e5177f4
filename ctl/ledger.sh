# Money, proven: the ledger's invariants, and the shares of a red packet.

ledger() {
    [ "$*" = check ] || { usage >&2; exit 2; }
    # Both see the same ledger: what is proven here, /im/fund/check need not prove again.
    seen=$(value "begin isolation level repeatable read; select im.ledger_seen();
                  select problem || ': ' || subject from im.ledger_check(); commit")
    problems=$(say "$seen" | sed 1d)
    [ -z "$problems" ] || die "the ledger does not hold
$problems"
    value "select im.ledger_proven('$(say "$seen" | sed -n 1p)')" >/dev/null
    say 'the ledger holds'
}

packet() {
    [ "$#,${1:-}" = 2,verify ] || { usage >&2; exit 2; }
    case $2 in *[!0-9a-fA-F-]*) die "not the id of a packet: $2" ;; ????????-????-????-????-????????????) ;; *) die "not the id of a packet: $2" ;; esac
    shares=$(say "select number || ' ' || coalesce(amount::text, 'nothing') || case when agrees then ''
                         else ', but ' || coalesce(drawn::text, 'nothing') || ' was drawn' end
                    from im.redpacket_verify(:'id')" | database -At -v id="$2" -f - 2>&1) ||
        case $shares in *I0404*) die "there is no packet $2" ;; *) die "$(refusal "$shares")" ;; esac
    say "$shares"
    case $shares in *' was drawn'*) die "packet $2 does not hold what its seed draws" ;; esac
}
