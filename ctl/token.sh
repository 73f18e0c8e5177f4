# Keys, and the tokens of services.

token() {
    case $#,${1:-} in
    1,rotate) rotate_keys user admin service ;;
    2,rotate) case $2 in user | admin | service) rotate_keys "$2" ;; *) usage >&2; exit 2 ;; esac ;;
    2,service) check_name "$2" && service_token "$2" ;;
    2,revoke) close_service "$2" ;;
    *) usage >&2; exit 2 ;;
    esac
}

# AUDIENCE ...
# Programs that only verify come first: when auth, session and backstage begin to sign with the new key, all others know it.
rotate_keys() {
    lock_state
    for audience in "$@"; do
        mv "$state/secret/jwt-key-$audience" "$state/secret/jwt-key-$audience-old"
    done
    read_programs
    make_secrets
    # shellcheck disable=SC2046,SC2086
    start_parts $(printf '%s\n' $served | grep -vx 'auth\|session\|backstage') auth session backstage
    # shellcheck disable=SC2086
    wait_for $served
    say "tokens of $* are signed with a new key; those of the one before are good until the next rotation"
}

# For ten years, or until it is revoked: its holder acts for every account.
service_token() {
    row=$(say "select id, version from im.service_open(:'name')" | database -At -F ' ' -v name="$1" -f - 2>&1) ||
        die "could not make the service $1: $(refusal "$row")"
    # shellcheck disable=SC2086
    set -- $row "$(date +%s)"
    token_text=$(printf %s "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"$(jwt_key | openssl dgst -sha256 -r | head -c 8)\"}" | base64url)
    token_text=$token_text.$(printf %s "{\"iss\":\"im-chat\",\"aud\":\"im-service\",\"typ\":\"access\",\"sub\":\"$1\",\"ver\":$2,\
\"sid\":0,\"gen\":0,\"iat\":$3,\"exp\":$(($3 + 315360000))}" | base64url)
    say "$token_text.$(printf %s "$token_text" | hmac | base64url)"
}

close_service() {
    output=$(say "select im.service_close(:'name')" | database -At -v name="$1" -f - 2>&1) || die "$(refusal "$output")"
}

jwt_key() { head -n 1 "$state/secret/jwt-key-service" | tr -d '\n'; }

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# HMAC-SHA256 of standard input by its definition: openssl would take the key as an argument, for every process to see.
hmac() { { padded_key 92; { padded_key 54; cat; } | openssl dgst -sha256 -binary; } | openssl dgst -sha256 -binary; }

padded_key() {
    if [ "$(jwt_key | wc -c)" -le 64 ]; then jwt_key; else jwt_key | openssl dgst -sha256 -binary; fi |
        { cat; head -c 64 /dev/zero; } | head -c 64 | od -An -v -tu1 -w1 | while read -r byte; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((byte ^ $1)))"
    done
}
