# The Debian packages that the file packages names, and the build.

units=/etc/systemd/system      # the machine's own, which win over those of packages
cluster_conf=/etc/postgresql-common/createcluster.d/im-chat.conf
archives=

# SECTION ...: its packages.
packages() {
    awk -v wanted=" $* " '/^\[/ { on = index(wanted, " " substr($1, 2, length($1) - 2) " ") } on && /^[a-z]/ { print $1 }' \
        "$share/packages"
}

# Those of which no name is installed.  One whose trigger is pending, while dpkg is at work for somebody else, is.
missing_packages() (
    command -v dpkg-query >/dev/null || die "this is not Debian: install what the file packages names, and set IM_BUILD=no"
    wanted=$(packages "$@")
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ' $(say "$wanted" | tr '|' ' ') 2>/dev/null) || :
    for package in $wanted; do
        IFS='|'
        for name in $package; do
            case " $installed" in *" installed $name "* | *" triggers-pending $name "* | *" triggers-awaited $name "*) continue 2 ;; esac
        done
        say "$package"
    done
)

# ONE|OTHER ...: of each the first name that this release knows.
known_packages() (
    # shellcheck disable=SC2046
    known=$(apt-cache show $(say "$@" | tr '|' ' ') 2>/dev/null | sed -n 's/^Package: //p')
    IFS='|'
    for package in "$@"; do
        for name in $package; do
            case "
$known
" in *"
$name
"*) break ;; esac
        done
        say "$name"
    done
)

install_packages() {
    # shellcheck disable=SC2046
    set -- $(missing_packages "$@")
    [ $# -gt 0 ] || return 0
    say "installing $*"
    by_apt refresh_lists "$@"
    by_apt install_named "$@"
}

# Everything that up needs: what builds is installed first, and what only runs while the programs are built; apt fetches the
# second while it unpacks the first.  Of two processors neither waits for the other.
prepare() {
    # shellcheck disable=SC2046
    early=$(missing_packages build $(! needs_npm || say web)) late=$(missing_packages run ${IM_TURN_LISTEN:+turn})
    [ -n "$early$late" ] || { build && fetch_parts; return; }
    # shellcheck disable=SC2086
    set -- $early $late
    say "installing $*"
    by_apt refresh_lists "$@"
    keep_archives
    # shellcheck disable=SC2086
    {
        download $early || :
        download $late &
        fetching=$!
        ! needs_npm || unpack_npm &
        unpacking=$!
        by_apt install_named $early
        wait $unpacking || :
        (build && fetch_parts) &
        building=$!
        wait $fetching || :
        by_apt install_named $late
    }
    wait $building || exit
    trap - EXIT
    rm -rf "$archives"
    archives=
}

# COMMAND PACKAGE ...: one of those below that call apt.  The first thing that apt finds wrong ends imctl.
by_apt() {
    output=$(mktemp)
    if ! "$@" >"$output" 2>&1 </dev/null; then
        shift
        why=$(grep -m 1 '^E: ' "$output") || why='neither root nor sudo'
        rm -f "$output"
        die "could not install $*: $why"
    fi
    rm -f "$output"
}

refresh_lists() { as_root apt-get update -q; }

# PACKAGE ...
install_named() {
    [ $# -gt 0 ] || return 0
    case " $* " in *' coturn '*) mask_unit coturn || return ;; esac
    case " $* " in *' postgresql-'*) make_no_cluster || return ;; esac
    status=0
    # shellcheck disable=SC2046
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
        ${archives:+-o "Dir::Cache::Archives=$archives"} $(known_packages "$@") || status=$?
    as_root rm -f "$cluster_conf"
    return $status
}

# A folder for what is downloaded, which goes with imctl; and what was installed before apt began, for whoever asks meanwhile.
keep_archives() {
    archives=$(mktemp -d "${TMPDIR:-/var/tmp}/im-chat.XXXXXX")
    trap 'wait; rm -rf "$archives"' EXIT
    chmod 755 "$archives"
    mkdir "$archives/partial"
    cp /var/lib/dpkg/status "$archives/status"
}

# PACKAGE ...: to the archives, with all that they need.  Whoever installs them fetches what is missing and says what is wrong.
download() {
    [ $# -gt 0 ] || return 0
    # shellcheck disable=SC2046
    as_root apt-get install -q -y --no-install-recommends --download-only -o Debug::NoLocking=1 \
        -o "Dir::Cache::Archives=$archives" -o "Dir::State::status=$archives/status" $(known_packages "$@") >/dev/null 2>&1 </dev/null
}

# Debian would make a cluster and start it at once.  Whoever wants it calls pg_createcluster.
make_no_cluster() {
    as_root mkdir -p "${cluster_conf%/*}" && echo 'create_main_cluster = false' | as_root tee "$cluster_conf" >/dev/null
}

# NAME: Debian would start it at once, with a configuration of its own and for everybody.  Whoever wants it unmasks it.
mask_unit() {
    ! [ -d "$units" ] || [ -e "$units/$1.service" ] || as_root ln -s /dev/null "$units/$1.service"
}

build() {
    [ "${IM_BUILD:-yes}" != no ] || return 0
    [ -x "$made/cgi-bin/auth" ] || say "building"
    output=$(mktemp)
    exec 9<"$root"
    if ! build_in_place >"$output" 2>&1 </dev/null; then
        tail -n 20 "$output" >&2
        rm -f "$output"
        die "could not build"
    fi
    exec 9<&-
    rm -f "$output"
}

build_in_place() (
    flock 9 && cd "$root" || exit
    release=$(. /etc/os-release && say "$ID ${VERSION_ID:-}")
    ! outlived || { autoreconf -f -i && ./configure -q && make -s clean; } || exit
    [ -x configure ] || autoreconf -i || exit
    [ -f Makefile ] || ./configure -q || exit
    make -s -j"$(nproc)" && say "$release" >.built-on
)

# What pages load of others (web/package.json).  Without it they say so, and everything else works.
fetch_parts() {
    [ "${IM_BUILD:-yes}" != no ] || return 0
    ! make -s -q -C "$root" web/parts/.made 2>/dev/null || return 0
    ! needs_npm || [ -x "$root/web/.npm/npm" ] || (install_packages web && keep_archives && unpack_npm) || :
    output=$(mktemp)
    PATH=$root/web/.npm:$PATH make -s -C "$root" web >"$output" 2>&1 </dev/null ||
        say "without /doc.html: could not fetch what it loads: $(grep -m 1 -i 'npm.* err\|not found' "$output" || tail -n 1 "$output")"
    rm -rf "$output" "$root/web/.npm"
}

needs_npm() { [ ! -e "$root/web/parts/.made" ] && ! command -v npm >/dev/null; }

# Debian's npm is some 350 packages, which take longer to install than all others together and are needed this once: they are
# unpacked into a folder, where nodejs finds them.
unpack_npm() (
    archives=$archives/npm
    rm -rf "$root/web/.npm"
    mkdir -p "$archives/partial" "$root/web/.npm"
    cp "${archives%/npm}/status" "$archives/status"
    download npm || exit
    say "$archives"/*.deb | xargs -n 16 -P "$(nproc)" sh -c '
        for file; do dpkg-deb --fsys-tarfile "$file" | tar -C "$0" -xf - ./usr/share/nodejs 2>/dev/null; done; true' "$root/web/.npm"
    modules=$root/web/.npm/usr/share/nodejs
    say '#!/bin/sh' "NODE_PATH='$modules' exec node '$modules/npm/bin/npm-cli.js' \"\$@\"" >"$root/web/.npm/npm"
    chmod 755 "$root/web/.npm/npm"
)

# Whether what is built is of another release of Debian: then the libraries, the compiler and the autotools are others too.
outlived() {
    [ ! -f .built-on ] || [ "$(cat .built-on)" = "$release" ] || return 0
    ldd cgi-bin/* clerk/* 2>/dev/null | grep -q 'not found'
}
