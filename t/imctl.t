# imctl: up again changes nothing, an upgrade restarts what it concerns, down stops its own; an error is one line.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../bench/lib";
use File::Temp qw(tempdir);
use IM::Bench::Processes;
use IM::Machine qw(slowness);
use IM::Stack;
use IO::Socket::INET;
use List::Util qw(sum0);
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json true);
use Mojo::Util qw(encode);
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

# Programs of its own, to touch one.
my $there = path(tempdir('/var/tmp/im.XXXXXX', CLEANUP => 1));
my $built = $ENV{IM_BUILD_DIR} // path($FindBin::Bin)->dirname;
chmod 0755, $there;
system('cp', '-R', (map {"$built/$_"} qw(cgi-bin clerk decoder src)), $there) == 0 or die "could not copy the programs\n";

# Seconds of processor time of all that has been run and waited for: what else the machine does costs nothing.
sub work () { return sum0((times)[2, 3]) }

my $start = work();
my $im    = IM::Stack->new(IM_BUILD_DIR => "$there");
my $took  = work() - $start;
my $parts = $im->parts;
my ($conf, $local) = map { path($im->state, $_) } 'im-chat.conf', 'postgres/local.conf';
my $secret = path($im->state, 'admin-password')->slurp;
my $ann    = $im->user('ann');
my $taken  = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
my $port   = $taken->sockport;
my $six    = -e '/proc/net/if_inet6' && length path('/proc/net/if_inet6')->slurp;

# The processes of every part and of its log: part => pids.  Of PostgreSQL only the first, for the others come and go.
sub lives ($stack) {
    my $parts = $stack->parts;
    my $all   = $parts->_processes;
    my %lives = map { ($_ => [map { $_->{pid} } $parts->processes($_, undef, $all)]) } map { ($_, "$_/log") } $parts->names;
    return { map { ($_ => $_ eq 'postgres' ? $lives{$_}[0] // '' : "@{ $lives{$_} }") } keys %lives };
}

# Which of these imctl gives other processes, when it succeeds.
sub changes_of (@command) {
    my $before = lives($im);
    my ($status, $output) = $im->imctl(@command);
    return "imctl @command: $status $output" if $status;
    my $after = lives($im);
    return [grep { $before->{$_} ne $after->{$_} } sort keys %$before];
}

# Starts imctl with another environment: its pid, and where all is heard that it prints.
sub start ($change, @command) {
    local %ENV = (%ENV, %{ $im->config }, %$change);
    my $pid = open my $out, '-|', 'sh', '-c', 'exec timeout 300 "$0" "$@" 2>&1 </dev/null', $im->root . '/imctl', @command;
    return ($pid // die("could not run imctl: $!\n"), $out);
}

# Runs it: its exit status and all that it prints.
sub imctl_with ($change, @command) {
    my (undef, $out) = start($change, @command);
    my $output = join '', readline $out;
    close $out;
    $output = ($? >> 8) . ' ' . $output =~ s/^[^:\n]+: \d+ s\n//gmr;     # how long something took
    imctl_with($change, 'down') if $change->{IM_STATE_DIR} && $command[0] eq 'up' && $output =~ /^0/;
    return $output;
}

# That it fails and says why, in one line.
sub fails ($title, $why, $change, @command) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like imctl_with($change, @command), qr/\A1 imctl: [^\n]*$why[^\n]*\n\z/, $title;
}

# What status says: its exit status, and part => [word, processes].
sub status () {
    my ($status, $output) = $im->imctl('status');
    return ($status, { map { my ($part, @said) = split /\s{2,}/; ($part => \@said) } split /\s*\n/, $output });
}

# The IPv4 addresses at which a service is offered, as the kernel writes them.
sub listens ($service) {
    my $port = sprintf '%04X', $im->port($service);
    return join ' ', sort { $a cmp $b } path('/proc/net/tcp')->slurp =~ /: ([0-9A-F]{8}):$port 00000000:0000 0A /g;
}

# Follows logs: what is heard of a request that is made when the old lines are there.
sub follow (@parts) {
    my ($pid, $out) = start({}, 'logs', @parts);
    $out->blocking(0);
    my $heard = '';
    my $hears = sub ($what) { $im->eventually(10, sub { sysread $out, $heard, 65_536, length $heard; $heard =~ $what }) };
    my $path = join '-', '/user/follow', @parts;
    $hears->(qr/"GET /);
    $ann->get($path);
    $hears->(qr/"GET $path"/);
    kill TERM => $pid;
    close $out;
    return $heard;
}

subtest 'up again' => sub {
    my $before = work();
    is_deeply changes_of('up'), [], 'restarts nothing';
    cmp_ok work() - $before, '<', $took, 'takes less work than the first time';
    is path($im->state, 'admin-password')->slurp, $secret, "and keeps the administrator's password";
    is_deeply [$im->imctl('psql', '-Atc', 'select 42')], [0, "42\n"], 'psql asks its database';
};

subtest 'status and restart' => sub {
    my ($status, $said) = status();
    is $status, 0, 'all is well';
    is_deeply { map { ($_ => $said->{$_}[0]) } keys %$said }, { map { ($_ => 'answers') } $parts->names }, 'every part is listed, and answers';
    my ($lives, %listed) = (lives($im), map { map { ($_ => 1) } split ' ', $_->[1] } values %$said);
    is_deeply [grep { !$listed{$_} } map { split ' ', $lives->{$_} } $parts->names], [], 'with all its processes';
    $parts->sv('friend', 'down');
    ($status, $said) = status();
    is $status, 1, 'one part is stopped: not all is well';
    is_deeply [grep { $said->{$_}[0] ne 'answers' } sort keys %$said], ['friend'], 'namely that one';
    is_deeply $said->{friend}, ['does not answer'], 'which has no processes';
    is_deeply changes_of('restart', 'friend'), ['friend'], 'restart starts it';
    is_deeply changes_of('restart', 'user'), ['user'], 'or gives a part new processes, and no other';
    $ann->get('/user/self')->ok('and it answers');
    fails('a part that does not exist is not restarted', 'there is no part nothing', {}, qw(restart nothing));
};

subtest 'status for a program' => sub {
    my ($status, $output) = $im->imctl('status', '--json');
    my $said = decode_json($output);
    is_deeply [$status, $said->{healthy}, [map { $_->{part} } @{ $said->{parts} }]], [0, true, [$parts->names]], 'says of every part';
    is_deeply [grep { !$_->{answers} || !@{ $_->{processes} } } @{ $said->{parts} }], [], 'that it answers, with its processes';
    is ref $said->{failedJobs}, 'ARRAY', 'and which jobs have failed';
};

# It goes on by itself after a while, so that who waits for it would find that all is well.
subtest 'status of a database that hangs' => sub {
    my ($postmaster) = path($im->state, 'pg/postmaster.pid')->slurp =~ /\A(\d+)/;
    kill STOP => $postmaster;
    my $later = fork // die "could not fork: $!\n";
    if (!$later) { sleep 60 * slowness; kill CONT => $postmaster; POSIX::_exit(0) }
    my ($status, $said) = status();
    kill KILL => $later;
    kill CONT => $postmaster;
    waitpid $later, 0;
    is $status, 1, 'not all is well';
    is_deeply [grep { $said->{$_}[0] ne 'answers' } sort keys %$said], [qw(clerk postgres)], 'nobody can tell of clerk and postgres';
    ok $im->eventually(30, sub { (status())[0] == 0 }), 'afterwards it is';
};

subtest 'one request through all logs' => sub {
    my $answer = $ann->delete('/friend/delete/77777');
    $answer->refused(2001, 'ann has no such friend');
    is $answer->headers->header('X-IM-Who'), undef, 'what is for the log the client does not see';
    my $id;
    $im->eventually(10, sub { ($id) = path($im->state, 'log/friend/current')->slurp =~ m{ ([0-9a-f]{32}): refused DELETE /friend/delete/} });
    my ($status, $output);
    ok $im->eventually(10, sub { ($status, $output) = $im->imctl('trace', $id); $output =~ / nginx: / }), 'is found';
    like $output, qr{^\S+ friend: friend\[\d+\] info $id: refused DELETE .* 2001 to user @{[$ann->id]}}m, 'what the program has said of it';
    like $output, qr{^\S+ nginx: $id \S+ "DELETE /friend/delete/77777" 200 code=2001 .* upstream=200 upstream_time=\d\.\d+ who=user:@{[$ann->id]}$}m, 'and nginx';
    is scalar(() = $output =~ /\n/g), 2, 'and nothing else';
    fails('a request that nobody knows is not', 'no log has request 0{32}', {}, 'trace', '0' x 32);
    like imctl_with({}, 'trace', $_), qr/\A2 imctl: [^\n]*is not the id of a request/, "$_ is none" for 'x', "$id/../";
};

subtest 'words that are none' => sub {
    my $before = lives($im);
    like imctl_with({}, @$_), qr/\A2 imctl: [^\n]*takes no words[^\n]*\n\z/, "@$_: refused" for [qw(down friend)], [qw(up now)], [qw(status all)];
    like imctl_with({}, @$_), qr/\A0 usage: imctl up /, "@$_: what there is" for ['--help'], [qw(up --help)], [qw(down --help)];
    like imctl_with({}, '--version'), qr/\A0 im-chat [0-9.]+\n\z/, '--version';
    fails('of two parts one is none: neither is restarted', 'there is no part nosuch', {}, qw(restart friend nosuch));
    fails('the first administrator is made once',           'there is an administrator admin already', {}, qw(admin add admin super));
    fails('a name that is none',                            'not a name: a b',                         {}, qw(admin add), 'a b', 'super');
    like imctl_with({}, qw(admin add carl boss)), qr/\A2 imctl: not a role: boss \(super, [^\n]*\n\z/, 'a role that is none';
    fails("nobody's password",            'there is no administrator nobody',  {}, qw(admin passwd nobody));
    fails('a service without a name',     'not a name: x y',                   {}, qw(token service), 'x y');
    fails('a service that is none',       'no service named nosuch',           {}, qw(token revoke nosuch));
    fails('a packet that is none',        'not the id of a packet: not-a-uuid', {}, qw(packet verify not-a-uuid));
    fails('a packet that is not there',   'there is no packet 0+-',            {}, qw(packet verify 00000000-0000-4000-8000-000000000000));
    is_deeply lives($im), $before, 'and all of it leaves every part alone';
};

subtest 'settings that are none' => sub {
    my ($kept, $since) = ($conf->slurp, $conf->stat->mtime);
    $conf->open('>')->print("# wrong\nIM_PORT_CHTA=80\nIM_WORDS=stars\nIM_ACCESS_TTL=abc\nIM_TIMEZONE=GMT+8\n");
    my $wrong = join '', map {"\Q$conf\E:$_\n"} '2: IM_PORT_CHTA is not a setting; IM_PORT_CHAT is', '3: IM_WORDS is not star or refuse: stars',
        '4: IM_ACCESS_TTL is not a number from 1 to 86400: abc', '5: IM_TIMEZONE is not the name of a time zone, such as Asia/Shanghai: GMT\+8';
    my $before = lives($im);
    like imctl_with({ IM_ACCESS_TTL => '' }, $_), qr/\A1 imctl: $wrong\z/, "$_: each is named with its line, and what it should be" for qw(configtest up);
    is_deeply lives($im), $before, 'and all parts run on';
    $conf->open('>')->print($kept);
    utime $since, $since, $conf;    # a newer one would be read anew
    my %wrong = (IM_RATE_LIMIT => 'maybe', IM_ORIGINS => '*', IM_LISTEN => 'here', IM_URL => 'https://here/', IM_NGINX_WORKERS => '-1');
    fails("the environment counts as well: $_=$wrong{$_}", "$_(?: is|:) not .*\Q$wrong{$_}\E", { $_ => $wrong{$_} }, 'configtest') for sort keys %wrong;
    fails("$_ is a time of day, and no zone", "IM_TIMEZONE is not .*: \Q$_\E", { IM_TIMEZONE => $_ }, 'configtest') for qw(UTC+8 +08:00 GMT+8);
    is imctl_with({ IM_TIMEZONE => 'Etc/GMT-8', IM_LISTEN => '127.0.0.1 127.0.0.2' }, 'configtest'), "0 nothing is wrong with $conf\n", 'what is right is right';
    my $root  = path($im->root);
    my @known = sort map { s/_\*\z/_/r } $root->child('ctl/settings')->slurp =~ /^(IM_\S+)/gm;
    my $page  = $root->child('man/im-chat.conf.5')->slurp;
    is_deeply [grep { $page !~ /^\.It .*\b$_/m } @known], [], 'each that there is stands in im-chat.conf(5)';
    is_deeply [grep { my $key = $_; !grep { $key =~ /^$_/ } @known } $root->child('im-chat.conf')->slurp =~ /^#(IM_\w+)=/gm], [], 'and what the example has is one';
};

subtest 'what takes longer than a second' => sub {
    # This story is another imctl to two of them, until both have waited for that long.
    open my $lock, '<', $im->state or die "could not open the state folder: $!\n";
    flock $lock, 2 or die "could not lock the state folder: $!\n";
    my (undef, $plain) = start({}, 'up');
    local %ENV = (%ENV, %{ $im->config });
    open my $terminal, '-|', 'script', '-qec', $im->root . '/imctl up', '/dev/null' or die "could not run script: $!\n";
    my ($shown, $inode) = ('', (stat $lock)[1]);
    $im->eventually(60, sub { 2 == (() = path('/proc/locks')->slurp =~ /-> FLOCK .*:$inode /g) });
    $im->run(1.5);
    sysread $terminal, $shown, 65_536, length $shown or last while $shown !~ /: 2 s/;
    close $lock;
    like join('', readline $plain), qr/\Aanother imctl was at work: \d+ s\n(?:[^:\n]+: \d+ s\n)*chat /, 'says how long it took';
    like join('', $shown, readline $terminal), qr/\A\ranother imctl was at work: 1 s\r.*\r\e\[Kanother imctl was at work: \d+ s\r\n/s, 'and to a terminal how long already';
};

subtest 'settings of the database' => sub {
    my $before = lives($im);
    like imctl_with({}, 'setting'), qr/\A0 account\.closed_name .*\nlogin\.window  +15 minutes  +15 minutes  +time\n.*\nwallet\.withdraw_min /s, 'all are listed: value, at first, unit';
    like imctl_with({}, qw(setting socket.limit)), qr/\A0 socket\.limit  10\nopen sockets [^\n]*\na number from 1 to 1000 sockets \(at first 10\); see socket\(8\)\n\z/, 'one says what it is';
    is imctl_with({}, qw(setting socket.limit 11)), '0 ', 'and is changed';
    is $im->sql(q{select im.setting_int('socket.limit')}), 11, 'at once';
    is_deeply lives($im), $before, 'with every part left alone';
    $im->allow(qr/ERROR:  socket\.limit is not a number/);
    fails('what does not fit is refused', 'socket\.limit is not a number from 1 to 1000: abc', {}, qw(setting socket.limit abc));
    is imctl_with({}, 'setting', @$_), "2 imctl: socket.limt is not a setting; socket.limit is\n", "setting @$_: the nearest is named" for ['socket.limt'], [qw(socket.limt 12)];
    like imctl_with({}, qw(setting socket.limit 1 2)), qr/\A2 imctl: [^\n]*\n\z/, 'three words are too many';
    is $im->sql(q{select im.setting_int('socket.limit')}), 11, 'none of which changes it';
};

subtest 'logs' => sub {
    like follow('nginx'), qr{\A(?!.*==>).*"GET /user/follow-nginx"}s, 'of one part are followed';
    my $heard = follow();
    is_deeply [sort keys %{ { map { ($_ => 1) } $heard =~ m{^==> (\S+)/current}gm } }], [$parts->names], 'of all parts are shown';
    like $heard, qr{"GET /user/follow"}, 'and followed';
    fails('a part that does not exist has none', 'there is no part nothing', {}, qw(logs nothing));
};

subtest 'an upgrade' => sub {
    $there->child('cgi-bin/user')->open('>>')->print("\n");
    $local->open('>')->print("work_mem = 5MB\n");
    is_deeply changes_of('up'), [qw(postgres user)], 'restarts what has a new program or file, and nothing else';
    is $im->sql('show work_mem'), '5MB', 'which then counts';
    my $deployed = sub { return $im->sql(q{select r.rolconnlimit, 'api'::regnamespace::oid from pg_roles r where rolname = 'im_user'}) };
    my ($before) = $deployed->();
    @{ $im->config }{qw(IM_ACCESS_TTL IM_DB_CONNECTIONS)} = (1799, 3);
    is_deeply changes_of('up'), [grep { !/^(nginx|push|postgres|decoder)$/ } $parts->names], 'a setting restarts the programs';
    is $ann->login->must->{accessTokenExpiresIn}, 1799, 'which know it';
    my ($after) = $deployed->();
    is_deeply $after, [$before->[0] / 3 * 4, $before->[1]], 'and may connect more often, to functions that are not made anew';
    fails('a port that is taken is refused', "port $port is taken", { IM_PORT_CHAT => $port }, 'up');
    fails('so is one that is none', 'IM_PORT_CHAT is not a port: x', { IM_PORT_CHAT => 'x' }, 'up');
    fails('and an address that is none', 'IM_LISTEN is not an address.* 999\.1\.1\.1', { IM_LISTEN => '127.0.0.1 999.1.1.1' }, 'up');
    fails("or another machine's, $_", 'could not listen at 192\.0\.2\.1:\d+: Cannot assign requested address \(IM_LISTEN_BACKSTAGE\)',
        { IM_LISTEN_BACKSTAGE => '127.0.0.1 192.0.2.1' }, $_) for qw(configtest up);
    is_deeply changes_of('restart', 'nginx'), ['nginx'], 'and what runs can still be restarted';
    is listens('chat'), '00000000', 'it listens at every address';
    $im->config->{IM_LISTEN} = '127.0.0.1';
    is_deeply [grep { !/^(nginx|push)$/ } @{ changes_of('up') }], [grep { !/^(nginx|push|postgres|decoder)$/ } $parts->names], 'another address to listen at is a setting too';
    is listens('chat'), '0100007F', 'and nginx listens there and no longer everywhere';
    $im->config->{IM_LISTEN} = '127.0.0.1 127.0.0.3' . ($six ? ' [::1]' : '');
    $im->config->{IM_LISTEN_BACKSTAGE} = '127.0.0.4 127.0.0.1';
    is_deeply [grep {/^(nginx|push)$/} @{ changes_of('up') }], [qw(nginx push)], 'so are several, and those of the backstage';
    is listens($_->[0]), $_->[1], "$_->[0]: there and nowhere else" for [chat => '0100007F 0300007F'], [backstage => '0100007F 0400007F'];
    is imctl_with({}, 'configtest'), "0 nothing is wrong with $conf\n", 'what the stack has itself is not taken';
};

subtest 'logs for a program' => sub {
    like path($im->state, 'log/user/config')->slurp, qr/^s10000000\nn10$/m, 'a log has ten files of 10 MB';
    %{ $im->config } = (%{ $im->config }, IM_LOG => 'json', IM_LOG_SIZE => 3, IM_LOG_FILES => 4);
    my ($status, $output) = $im->imctl('up');
    is $status, 0, 'another form is a setting' or diag $output;
    like path($im->state, 'log/user/config')->slurp, qr/^s3000000\nn4$/m, 'as is how much is kept';
    $ann->delete('/friend/delete/88888')->refused(2001, 'ann has no such friend either');
    my ($id, @lines);
    $im->eventually(10, sub { ($id) = path($im->state, 'log/friend/current')->slurp =~ m{^\{.*"request":"([0-9a-f]{32})".*friend/delete/.*\}$}m });
    ok $im->eventually(10, sub { @lines = map { s/^\S+ (\w+): //r } grep {/^\d+\.\d+ (?:friend|nginx): /} split /\n/, ($im->imctl('trace', $id))[1]; @lines == 2 }), 'a request is followed through them';
    my ($said, $seen) = sort { exists $a->{path} <=> exists $b->{path} } map { decode_json encode('UTF-8', $_) } @lines;
    is "$said->{program} $said->{level} $said->{request}", "friend info $id", 'the program says what it is';
    like $said->{text}, qr{^refused DELETE /friend/delete/\{friendId\} 2001 to user }, 'and what has happened';
    is_deeply [@$seen{qw(path status code who)}], ['/friend/delete/88888', 200, '2001', 'user:' . $ann->id], 'nginx what was asked, by whom, and answered';
    like $seen->{upstreamSeconds}, qr/^\d\.\d+$/, 'and how long the program took';
    cmp_ok abs($said->{msec} - $seen->{msec}), '<', 60, 'each says when';
    like $said->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/, 'as other programs read it';
};

subtest 'two stacks, down and up' => sub {
    my $other = IM::Stack->new;
    my $bob   = $other->user('bob');
    $bob->as(name => 'ann', password => $ann->password)->login->refused(1001, 'what one knows, the other does not');
    my $others = lives($other);
    $conf->open('>')->print("# mistaken\ngarbage\n");
    is imctl_with({}, 'down'), '0 ', 'down works whatever the configuration says';
    is_deeply [$parts->everything], [], 'and stops all there is';
    is imctl_with({}, 'down'), '0 ', 'again, it does no harm';
    is_deeply lives($other), $others, 'the other stack has not noticed';
    $bob->get('/user/self')->ok('and works');
    fails('what is stopped needs a configuration without mistakes', 'im-chat\.conf:2: not KEY=value: garbage', {}, 'up');
    $conf->remove;
    fails("$_ needs a stack that runs", 'nothing runs in ' . $im->state, {}, $_) for qw(status logs restart psql);
    $other->end;
};

subtest 'what goes wrong' => sub {
    fails('a port that is taken', "port $port is taken by another program: .* IM_PORT_CHAT", { IM_PORT_CHAT => $port }, 'up');
    fails('a port that is none', 'IM_PORT_REDPACKET is not a port: x', { IM_PORT_REDPACKET => 'x', IM_PORT_HOP => '' }, 'up');
    fails('a path too long for sockets', 'characters too long for Unix sockets', { IM_STATE_DIR => "$there/" . 'x' x 90 }, 'up');
    fails('a path with odd characters', 'has characters other than', { IM_STATE_DIR => "$there/a b" }, 'up');
    fails('programs that are missing', "$there/empty/cgi-bin/auth is not built", { IM_BUILD_DIR => "$there/empty" }, 'up');
    like imctl_with({}, @$_), qr/\A2 usage: imctl up /, "a command that is none: @$_" for ['jump'], [];
    SKIP: {
        my $disk = $there->child('disk')->make_path;
        skip 'only root can mount a small disk', 3 if $>;
        skip 'no disk can be mounted here', 3 if system "mount -t tmpfs -o size=1m im-test $disk";
        is eval { IM::Bench::Processes->new(state => "$disk") }, undef, 'the bench measures nothing in memory';
        like $@, qr/\A\Q$disk\E is in memory \(tmpfs\): /, 'and says so';
        fails('a disk that is full', "the disk of $disk is full: 1 MiB are free", { IM_STATE_DIR => "$disk" }, 'up');
        system 'umount', $disk;
    }
    my $version = path($im->state, 'pg/PG_VERSION');
    my $own     = $version->slurp;
    $version->open('>')->print("9\n");
    fails('a cluster of a PostgreSQL that is not there', 'PostgreSQL 9, of which the cluster in \S+/pg is, is not installed', {}, 'up');
    $version->open('>')->print($own);
    $local->open('>')->print("work_mem = much\n");
    $start = time;
    like imctl_with({ IM_PATIENCE => 5 }, 'up'), qr/\A1 imctl: postgres does not answer; its log ends:\n.*"work_mem": "much"/s,
        'a part that does not start is named, and its log shown';
    cmp_ok time - $start, '<', 30 * slowness(), 'as soon as patience ends';
    $local->remove;
};

is imctl_with({}, 'up') =~ s/\n.*//sr, '0 chat          http://localhost:' . $im->port('chat'), 'up again, when it is mended';
$ann->login->ok('who registered before is there', { userId => $ann->id });
$im->allow(qr{im_owner ERROR:  (?:duplicate key .*admin_name|there is no administrator|no service named|I0404)});
$im->allow(qr/upstream|connect\(\) to unix|FATAL: |terminating connection|lost a PostgreSQL connection|PostgreSQL is away/);
$im->end;
done_testing;
