# The two nginx instances: nginx.conf is the edge, push.conf holds the WebSockets.

# NAME: fills NAME.conf of the source into NAME/nginx.conf of the state folder.
render_nginx() {
    folder=$state/$1
    text=$(nginx_configuration "$1")
    ! holds "$folder/nginx.conf" "$text" || return 0
    say "$text" >"$folder/nginx.conf.new"
    # nchan makes this folder, whatever it is told, and only root can.
    [ -d /var/lib/nginx/body ] || as_root mkdir -p /var/lib/nginx/body 2>/dev/null || :
    # Through cat because nginx opens /dev/stdout, and may open only a pipe of its own user's.
    # shellcheck disable=SC2016
    why=$(as_user sh -c 'nginx -t -q -e stderr -p "$0" -c nginx.conf.new 2>&1 | cat' "$folder" |
        sed -n '0,/\[emerg\] /s/.*\[emerg\] \([0-9#]*: \)\{0,1\}//p')
    if [ -n "$why" ]; then
        rm "$folder/nginx.conf.new"
        die "$1.conf: $why"
    fi
    # Reading its configuration again it could not bind an address of which it has a part.
    [ ! -f "$service/$1/run" ] || [ "$(listeners nginx.conf)" = "$(listeners nginx.conf.new)" ] || touch "$service/$1/run"
    mv "$folder/nginx.conf.new" "$folder/nginx.conf"
}

listeners() { sed -n '/^ *listen /p' "$folder/$1"; }

# Included files are filled in like the others.
nginx_configuration() {
    origins=$(origins) || exit
    own_backstage=$(listen_lines BACKSTAGE) front_backstage='' front='/begin @FRONT@/,/end @FRONT@/d' tls=/dev/null http2=''
    ! fronted || front_backstage=$own_backstage own_backstage='' front=''
    [ -z "$IM_TLS_CERTIFICATE" ] || tls=$share/tls.conf
    [ -z "$IM_TLS_CERTIFICATE" ] || http2_by_listen || http2='http2 on;'
    set -- "$1" http refused doc page files ws
    file=$share/$1.conf
    shift
    for part in "$@"; do
        set -- "$@" -e "/^ *include $part.conf;/{r $share/$part.conf" -e 'd}'
        shift
    done
    each='h'
    for program in $served; do each="$each;g;s/@PROGRAM@/$program/gp"; done
    sed -e "$front" "$@" -e "/^ *include tls.conf;/{r $tls" -e 'd}' -e "/@PROGRAM@/{$each" -e 'd}' "$file" |
        sed -e "s|@STATE@|$state|; s|@MADE@|$made|; s|@SHARE@|$share|; s|@ORIGINS@|$origins|; s|@RATE_LIMIT@|$IM_RATE_LIMIT|" \
            -e "s|@LISTEN_CHAT@|$(listen_lines CHAT)|; s|@LISTEN_BACKSTAGE@|$own_backstage|; s|@LISTEN_FRONT@|$front_backstage|" \
            -e "s|@PROXIES@|$(proxy_lines)|; s|@HTTP2@|$http2|" \
            -e "s|@LISTEN_REDPACKET@|$(listen_lines REDPACKET)|; s|@PORT_HOP@|$IM_PORT_HOP|; s|@PORT_METRICS@|$IM_PORT_METRICS|; s|@SOCKETS@|$IM_SOCKETS|" \
            -e "s|@ADDRESS_CONNECTIONS@|$IM_ADDRESS_CONNECTIONS|; s|@LOG@|$IM_LOG|" \
            -e "s|@WORKERS@|$IM_NGINX_WORKERS|; s|@CONNECTIONS@|$IM_NGINX_CONNECTIONS|"
}

# IM_ORIGINS as lines of a map from what is sent: an entry means the same with and without its scheme's port, as
# browsers leave it out.  nginx compares them without case.
# shellcheck disable=SC2016
origins() {
    set -f      # a star is no file here
    [ -z "$IM_ORIGINS" ] || printf '"" $origin_unread; '
    for origin in $IM_ORIGINS; do
        origin=$(printf '%s' "${origin%/}" | tr '[:upper:]' '[:lower:]')
        case $origin in
        *[!]a-z0-9:/._[-]* | *://*/*) die "IM_ORIGINS: not an origin: $origin" ;;
        http://*) default=80 ;;
        https://*) default=443 ;;
        *://*) default= ;;
        *) die "IM_ORIGINS: not an origin: $origin" ;;
        esac
        origin=${origin%":$default"}
        printf '"%s" $http_origin; ' "$origin"
        end=${origin#*://}
        case ${end##*]} in *:*) continue ;; esac
        [ -z "$default" ] || printf '"%s" $http_origin; ' "$origin:$default"
    done
}

# KEY ...
check_port_numbers() {
    for key in "$@"; do
        eval "check_port $key \"\$$key\""
    done
}

# KEY PORT
check_port() {
    case $2 in '' | 0* | *[!0-9]* | ??????*) die "$1 is not a port: $2" ;; esac
    [ "$2" -le 65535 ] || die "$1 is not a port: $2"
}
