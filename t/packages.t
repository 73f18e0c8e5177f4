# packages: which are missing, under either name; that what was built on another release of Debian is built anew; and what
# debian/ says of them.
use v5.36;
use utf8;
use FindBin;
use File::Temp qw(tempdir);
use Mojo::File qw(path);
use Test::More;
use Time::HiRes qw(stat);

my $packages = path($FindBin::Bin)->dirname->child('ctl/packages.sh');
my $there    = path(tempdir('/var/tmp/im.XXXXXX', CLEANUP => 1));

# What these commands print, with imctl's functions for packages at hand.
sub shell ($commands) {
    local %ENV = (%ENV, root => "$there", share => "$there", made => "$there", programs => "$there/cgi-bin", IM_BUILD => 'yes');
    my $pid = open my $out, '-|', 'sh', '-euc', <<~'END' . $commands, "$packages" or die "could not run sh: $!\n";
        exec 2>&1
        say() { printf '%s\n' "$@"; }
        die() { say "$@"; exit 1; }
        . "$0"
        END
    return join '', readline $out;
}

sub text ($path, $text) { $there->child($path)->tap(sub { $_->dirname->make_path })->open('>')->print($text) }

subtest 'names' => sub {
    text('packages', <<~END);
        # one a line
        [run]
        dpkg                what is installed
        no-such-a|dpkg      either will do
        no-such-b|no-such-c neither is
        no-such-d           nor is this
        [build]
        no-such-e
        END
    is shell('missing_packages run'), "no-such-b|no-such-c\nno-such-d\n", 'one of two names is enough';
    is shell('missing_packages build run'), "no-such-b|no-such-c\nno-such-d\nno-such-e\n", 'sections add up';
    text('tools/dpkg-query', "#!/bin/sh\nprintf '%s ' installed dpkg triggers-pending no-such-a triggers-awaited no-such-b half-installed no-such-d config-files no-such-e\n");
    $there->child('tools/dpkg-query')->chmod(0755);
    is shell('PATH=$root/tools:$PATH missing_packages run build'), "no-such-d\nno-such-e\n", 'what waits for a trigger of dpkg is installed, what is there by halves is not';
    is shell('known_packages "no-such-a|dpkg|perl" "dpkg|no-such-a" no-such-d'), "dpkg\ndpkg\nno-such-d\n", 'the first that is known is installed';
};

# Each of these waits for what goes on beside it.
subtest 'a bare machine' => sub {
    text('packages', "[run]\nno-such-run\n[build]\nno-such-build\n[web]\nno-such-web\n");
    my $does = <<~'END';
        did() { say "$*" >>"$root/did"; }
        seen() { for try in $(seq 600); do ! grep -qx "$1" "$root/did" || return 0; sleep 0.05; done; did "no $1"; }
        needs_npm() { :; }
        by_apt() {
            case "$*" in
            *build*web) seen 'fetches no-such-run'; seen 'unpacks npm' ;;
            *_named*run) seen 'begins to build' ;;
            esac
            did "$@"
        }
        download() { did "fetches $*"; }
        unpack_npm() { did 'unpacks npm'; }
        build() { did 'begins to build'; seen 'install_named no-such-run'; did builds; }
        fetch_parts() { did 'fetches parts'; }
        cd "$root" && : >did && export TMPDIR="$root"
        END
    is shell($does . 'prepare'), "installing no-such-build no-such-web no-such-run\n", 'it is said what is installed';
    my @did = split /\n/, $there->child('did')->slurp;
    is_deeply [grep { !/fetches no-such-run|unpacks npm/ } @did],
        ['refresh_lists no-such-build no-such-web no-such-run', 'fetches no-such-build no-such-web', 'install_named no-such-build no-such-web',
         'begins to build', 'install_named no-such-run', 'builds', 'fetches parts'],
        'what builds comes first; what runs, and npm, are fetched meanwhile, and installed while the programs are built';
    is_deeply [glob "$there/im-chat.*"], [], 'and nothing that was fetched stays';
    is shell($does . q(build() { did 'begins to build'; exit 3; }; prepare; say "goes on")), "installing no-such-build no-such-web no-such-run\n", 'what cannot be built ends it';
    is shell($does . 'by_apt() { die "could not install $*"; }; prepare; say "goes on"') =~ s/.*\n(?=could)//r,
        "could not install refresh_lists no-such-build no-such-web no-such-run\n", 'so does what cannot be installed';
    is_deeply [glob "$there/im-chat.*"], [], 'and nothing stays then either';
};

subtest 'a service that is not wanted' => sub {
    my $with = sub ($commands) { shell("as_root() { \"\$@\"; }; units=$there/units; cluster_conf=$there/postgresql/im-chat.conf; $commands") };
    is $with->('env() { shift; cat "$cluster_conf"; say "$*"; }; install_named postgresql-15'),
        "create_main_cluster = false\napt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 postgresql-15\n", 'PostgreSQL makes no cluster of its own';
    ok !-e $there->child('postgresql/im-chat.conf'), 'this once';
    is $with->('mask_unit coturn'), '', 'without systemd there is nothing to mask';
    ok !-e $there->child('units'), 'and nothing is made';
    $there->child('units')->make_path;
    is $with->('mask_unit coturn'), '', 'with it the unit is masked';
    is readlink $there->child('units/coturn.service'), '/dev/null', 'before the package comes';
    text('units/coturn.service', "mine\n") if unlink $there->child('units/coturn.service');
    is $with->('mask_unit coturn'), '', 'a unit of the administrator';
    is $there->child('units/coturn.service')->slurp, "mine\n", 'stays';
};

# A project of two programs, which is built in seconds.
subtest 'another release' => sub {
    my ($auth, $noted) = map { $there->child($_) } 'cgi-bin/auth', '.built-on';
    my $release = shell('. /etc/os-release && say "$ID ${VERSION_ID:-}"');
    my $built   = sub { [map { (stat $_)[9] } "$auth", $there->child('Makefile')] };
    text('configure.ac', "AC_INIT([little], [1])\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n");
    text('Makefile.in', "all: cgi-bin/auth clerk/imclerk\nclean:\n\trm -f cgi-bin/auth clerk/imclerk\n");
    text($_, "int main(void) { return 0; }\n") for 'cgi-bin/auth.c', 'clerk/imclerk.c';

    is shell('build'), "building\n", 'the programs are built';
    is $noted->slurp, $release, 'on which release is noted';
    my $first = $built->();
    is shell('build'), '', 'again';
    is_deeply $built->(), $first, 'nothing is built';

    $noted->open('>')->print("debian 11\n");
    is shell('build'), '', 'on another release';
    my $second = $built->();
    ok $second->[0] != $first->[0] && $second->[1] != $first->[1], 'all is built anew, Makefile and programs';
    is $noted->slurp, $release, 'and noted';

    text('gone.c', "int gone(void) { return 0; }\n");
    text('with.c', "int gone(void); int main(void) { return gone(); }\n");
    is system("cd $there && gcc -shared -o libgone.so gone.c && gcc -o cgi-bin/auth with.c ./libgone.so && rm libgone.so"), 0, 'a library goes';
    isnt system("$auth 2>/dev/null"), 0, 'and a program does not start without it';
    is shell('build'), '', 'the next build';
    is system("$auth"), 0, 'mends that';
};

# The rule of the real Makefile.am, with an npm that does as it is told, or none.
subtest 'what pages load of others' => sub {
    my ($rule)   = path($FindBin::Bin)->dirname->child('Makefile.am')->slurp =~ m{^(web/parts/\.made:.*?\n)\n}ms;
    my $licence  = $there->child('web/parts/swagger-ui/LICENSE');
    text('Makefile', "srcdir = .\nMKDIR_P = mkdir -p\nweb: web/parts/.made\n$rule");
    text("web/$_", "{}\n") for qw(package.json package-lock.json);
    my $list = path($FindBin::Bin)->dirname->child('web/parts.txt')->slurp;
    text('web/parts.txt', $list);
    for my $tool (qw(cp dirname grep make mkdir mktemp mv rm sh tail touch)) { symlink "/usr/bin/$tool", $there->child("tools/$tool") or die "could not link $tool: $!\n" }
    my $npm   = sub (@does) { text('tools/npm', join "\n", '#!/bin/sh', @does, ''); $there->child('tools/npm')->chmod(0755) };
    my $fetch = sub { shell('PATH=$root/tools; install_packages() { say "could not install $1"; exit 1; }; fetch_parts; say "goes on"') };

    my $why = 'without /doc.html: could not fetch what it loads:';
    like $fetch->(), qr/\Acould not install web\n$why .*npm: not found\ngoes on\n\z/, 'no npm, and none to be had: a line says so, and the rest goes on';
    $npm->('echo "npm error code ECONNREFUSED" >&2', 'exit 1');
    is $fetch->(), "$why npm error code ECONNREFUSED\ngoes on\n", 'no registry: a line says so, and the rest goes on';
    ok !-e $there->child('web/parts'), 'and there is nothing by halves';
    $npm->("while read -r part from files; do for f in \$files; do mkdir -p \$(dirname node_modules/\$from/\$f) && echo \$f >node_modules/\$from/\$f; done; done <<'END'\n${list}END");
    is $fetch->(), "goes on\n", 'with npm nothing is said';
    is $licence->slurp, "LICENSE\n", 'and the parts are there, licence and all';
    is_deeply [sort map { $_->to_rel($there->child('web/parts'))->to_string } $there->child('web/parts')->list_tree->each],
        [sort map { my ($part, undef, @files) = split; map { "$part/" . path($_)->basename } @files } split /\n/, $list], 'all that the list names';
    $npm->('exit 1');
    is $fetch->(), "goes on\n", 'once they are there nobody asks npm';
};

# Wherever its parts are told to be.
subtest 'make install' => sub {
    my $built = $ENV{IM_BUILD_DIR} // path($FindBin::Bin)->dirname;
    my $made  = `make -s -C $built install prefix=$there/own libexecdir=$there/programs datadir=$there/data sysconfdir=$there/etc localstatedir=$there/var 2>&1 >/dev/null`;
    is $?, 0, 'works' or diag $made;
    my $imctl = $there->child('own/sbin/imctl');
    like `IM_STATE_DIR=$there/none $imctl --version`, qr/\Aim-chat [0-9.]+\n\z/, 'imctl finds what it is made of';
    is `IM_STATE_DIR=$there/none $imctl configtest`, "nothing is wrong with $there/none/im-chat.conf\n", 'wherever that is';
    my ($programs) = $imctl->slurp =~ /^    libexec=(.*)/m;
    ok -x "$programs/$_", "and $_" for qw(auth imclerk);
    is `$imctl configtest`, "nothing is wrong with $there/etc/im-chat.conf\n", 'and its settings';
    my $unit = path($there, 'own/lib/systemd/system/im-chat.service')->slurp;
    like $unit, qr{^ExecStart=$there/own/sbin/imctl up$}m, 'systemd starts that one';
    like $unit, qr{^ExecStartPre=\+/bin/mkdir -p $there/var/lib/im-chat$}m, 'where its state is written, also the first time';
    like $unit, qr{^CapabilityBoundingSet=.*\bCAP_NET_BIND_SERVICE\b}m, 'and lets it listen at 443';
    my @missing = grep { !-e "$there/data/im-chat/$_" } qw(bench/demo bench/seed.txt t/lib/IM/Stack.pm);
    is_deeply \@missing, [], 'demo and seed are there';
};

# What its package needs to be built and to run, and of which version it is, is said once more in debian/.
subtest 'the package of IM Chat' => sub {
    my $root   = path($FindBin::Bin)->dirname;
    my $listed = sub ($section) { [sort map { s/\|/ | /gr } ($root->child('packages')->slurp =~ /^\[$section\]\n(.*?)(?=^\[|\z)/ms)[0] =~ /^([a-z]\S*)/gm] };
    my %field  = map { /^([\w-]+):\s*(.*)/s } split /\n(?=\S)/, $root->child('debian/control')->slurp;
    my $named  = sub ($field) { [sort grep { !/^(?:debhelper-compat|po-debconf|\$)/ } split /,\s*/, $field{$field}] };

    # Whoever builds packages has these.
    my $more = join '|', qw(gcc libc6-dev make);
    is_deeply $named->('Build-Depends'), [grep { !/^(?:$more)\z/ } @{ $listed->('build') }], 'is built with what the list has for that';
    is_deeply $named->('Depends'),       $listed->('run'), 'runs with what the list has for that';
    is_deeply $named->('Suggests'),      $listed->('turn'), 'and knows of a TURN server';

    my ($version) = $root->child('configure.ac')->slurp =~ /^AC_INIT\(\[im-chat\], \[(.*?)\]/m;
    my ($newest)  = $root->child('debian/changelog')->slurp =~ /\Aim-chat \((.*?)\)/;
    is $newest, $version, 'is of the version of configure.ac';

    my @files = grep { !m{/(?:\.debhelper|im-chat)/|/(?:files|debhelper-build-stamp)\z|\.(?:substvars|log)\z} } map { $_->to_rel($root)->to_string } $root->child('debian')->list_tree->each;
    is_deeply [sort @files], [sort $root->child('Makefile.am')->slurp =~ m{(?<= )(debian/\S+)}g], 'and a tarball has what it is made with';
};

done_testing;
