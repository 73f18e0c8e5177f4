# What the public listeners present, and whom they believe: IM_TLS_CERTIFICATE and IM_TLS_KEY, IM_TRUSTED_PROXIES.

scheme() { if [ -n "${IM_TLS_CERTIFICATE:-}" ]; then say https; else say http; fi; }

# Whether the edge listens for the backstage as well (nginx.conf).
fronted() { [ -n "$IM_TLS_CERTIFICATE$IM_TRUSTED_PROXIES" ]; }

# In one line, before anything is touched.
check_tls() {
    [ -n "$IM_TLS_CERTIFICATE$IM_TLS_KEY" ] || return 0
    [ -n "$IM_TLS_CERTIFICATE" ] && [ -n "$IM_TLS_KEY" ] || die "IM_TLS_CERTIFICATE and IM_TLS_KEY belong together: one is not set"
    [ -r "$IM_TLS_CERTIFICATE" ] || die "IM_TLS_CERTIFICATE cannot be read: $IM_TLS_CERTIFICATE"
    [ -r "$IM_TLS_KEY" ] || die "IM_TLS_KEY cannot be read: $IM_TLS_KEY"
    certified=$(openssl x509 -in "$IM_TLS_CERTIFICATE" -noout -pubkey 2>/dev/null) ||
        die "IM_TLS_CERTIFICATE holds no certificate: $IM_TLS_CERTIFICATE"
    public=$(openssl pkey -in "$IM_TLS_KEY" -passin pass: -pubout 2>/dev/null) ||
        die "IM_TLS_KEY holds no key, or one with a password: $IM_TLS_KEY"
    [ "$certified" = "$public" ] || die "IM_TLS_KEY is not the key of the certificate in IM_TLS_CERTIFICATE: $IM_TLS_KEY"
    openssl x509 -in "$IM_TLS_CERTIFICATE" -noout -checkend 0 >/dev/null || say "the certificate in $IM_TLS_CERTIFICATE has expired"
}

# Copies that nginx can read, for the originals may be root's alone; new ones make it read its configuration again.
copy_certificate() {
    if [ -z "$IM_TLS_CERTIFICATE" ]; then
        rm -f "$state/nginx/certificate.pem" "$state/nginx/key.pem"
        return
    fi
    copy_pem "$IM_TLS_CERTIFICATE" certificate.pem
    copy_pem "$IM_TLS_KEY" key.pem
}

# FILE NAME
copy_pem() {
    ! cmp -s "$1" "$state/nginx/$2" || return 0
    install -m 400 -o "$user" "$1" "$state/nginx/$2.new"
    mv "$state/nginx/$2.new" "$state/nginx/$2"
}

# nginx has had a directive for it, instead of a word of listen, since 1.25.1.
http2_by_listen() {
    case $(nginx -v 2>&1) in */1.?.* | */1.1?.* | */1.2[0-4].* | */1.25.0*) ;; *) return 1 ;; esac
}

# How each public place is listened at, behind its address and port.
listen_words() {
    [ -z "$IM_TLS_CERTIFICATE" ] || printf ' ssl'
    [ -z "$IM_TLS_CERTIFICATE" ] || ! http2_by_listen || printf ' http2'
}

# As lines of nginx's configuration, for a replacement of sed.
proxy_lines() {
    [ -n "$IM_TRUSTED_PROXIES" ] || return 0
    for network in $IM_TRUSTED_PROXIES; do printf 'set_real_ip_from %s; ' "$network"; done
    printf 'real_ip_header X-Forwarded-For; real_ip_recursive on;'
}
