# The Debian packages that the file packages names, and the build.

units=/etc/systemd/system      # the machine's own, which win over those of packages

# SECTION ...: its packages.
packages() {
    awk -v wanted=" $* " '/^\[/ { on = index(wanted, " " substr($1, 2, length($1) - 2) " ") } on && /^[a-z]/ { print $1 }' \
        "$share/packages"
}

# Those of which no name is installed.
missing_packages() (
    command -v dpkg-query >/dev/null || die "this is not Debian: install what the file packages names, and set IM_BUILD=no"
    wanted=$(packages "$@")
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ' $(say "$wanted" | tr '|' ' ') 2>/dev/null) || :
    for package in $wanted; do
        IFS='|'
        for name in $package; do
            case " $installed" in *" installed $name "*) continue 2 ;; esac
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
    output=$(mktemp)
    if ! apt_get "$@" >"$output" 2>&1 </dev/null; then
        why=$(grep -m 1 '^E: ' "$output") || why='neither root nor sudo'
        rm -f "$output"
        die "could not install $*: $why"
    fi
    rm -f "$output"
}

apt_get() {
    as_root apt-get update -q || return
    case " $* " in *' coturn '*) mask_unit coturn || return ;; esac
    # shellcheck disable=SC2046
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(known_packages "$@")
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
    command -v npm >/dev/null || (install_packages web) || :
    output=$(mktemp)
    make -s -C "$root" web >"$output" 2>&1 </dev/null ||
        say "without /doc.html: could not fetch what it loads: $(grep -m 1 -i 'npm.* err\|not found' "$output" || tail -n 1 "$output")"
    rm -f "$output"
}

# Whether what is built is of another release of Debian: then the libraries, the compiler and the autotools are others too.
outlived() {
    [ ! -f .built-on ] || [ "$(cat .built-on)" = "$release" ] || return 0
    ldd cgi-bin/* clerk/* 2>/dev/null | grep -q 'not found'
}
