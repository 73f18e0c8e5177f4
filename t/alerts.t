# alerts: each rule of monitor/alerts.yaml is silent when all is well, and fires when that happens for which it was written.
#
# /metrics is read before and after something is broken, and promtool judges the rules by what was read: what a gauge shows then it
# goes on showing, and what was counted between the two is counted every 15 seconds from then on.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Stack;
use IO::Socket::UNIX;
use Mojo::File qw(path);
use Mojo::UserAgent;
use Test::More;
use YAML::PP;

use constant { QUIET => 40, DAY => 5760 };      # steps of 15 seconds

my $im    = IM::Stack->new;
my $rules = path($im->root, 'monitor/alerts.yaml');
my ($ann, $bob) = $im->users(qw(ann bob));
my ($admin, $dan) = ($im->admin, $im->user('dan'));
$im->befriend($ann, $bob);
$im->sql(q{update im.setting set value = '0 seconds' where name = 'stat.interval'});
my $ua     = Mojo::UserAgent->new(request_timeout => 10);
my $folder = path(tempdir(CLEANUP => 1));
my %rule   = map { ($_->{alert} => $_) } @{ YAML::PP->new->load_file("$rules")->{groups}[0]{rules} };
my %tried;

# Series => value; and up, as Prometheus itself adds it.
sub scrape () {
    my $result = eval { $ua->get($im->url('metrics') . '/metrics')->result };
    my %series = $result && $result->code == 200 ? map { /\A([^#\s]\S*(?:\{[^}]*\})?) (\S+)\z/ ? ($1 => $2) : () } split /\n/, $result->body : ();
    return { %series, up => %series ? 1 : 0 };
}

my %grows = map { ($_ => 1) } qw(im_requests_total im_request_seconds im_job_failures);

sub series ($name, $before, $after, $steps) {
    my ($metric) = $name =~ /\A(\w+)/;
    my $labelled = $name =~ s/\}\z/,job="im-chat"}/r;
    $labelled .= '{job="im-chat"}' if $labelled !~ /\}\z/;
    my $quiet  = defined $before ? "${before}x@{[QUIET]}" : '_x' . QUIET;
    my $growth = $grows{ $metric =~ s/_(?:bucket|sum|count)\z//r } ? ($after // 0) - ($before // 0) : 0;
    return { series => $labelled, values => $quiet . ' ' . (defined $after ? sprintf '%s+%sx%d', $after, $growth, $steps : "_x$steps") };
}

sub fires ($name, $before, $after) {
    my $rule  = $rule{$name} // return fail "there is a rule $name";
    my $steps = $rule->{expr} =~ /\[1d\]/ ? DAY + 10 : 200;
    my %named = map { ($_ => 1) } $rule->{expr} =~ /\b(up|im_\w+)/g;
    my @series = map { series($_, $before->{$_}, $after->{$_}, $steps) } grep { /\A(\w+)/ && $named{$1} } sort keys %{ { %$before, %$after } };
    my $firing = sub ($step, @samples) { return { expr => qq(clamp_max(count(ALERTS{alertname="$name",alertstate="firing"}), 1)), eval_time => 15 * $step . 's', exp_samples => [@samples] } };
    my $file = path($folder, "$name.yaml");
    $file->open('>')->print(YAML::PP->new->dump_string({ rule_files => ["$rules"], evaluation_interval => '15s', tests => [
        { interval => '15s', input_series => \@series, promql_expr_test => [$firing->(QUIET - 1), $firing->(QUIET + $steps - 5, { labels => '{}', value => 1 })] }] }));
    my $output = `promtool test rules $file 2>&1`;
    is $?, 0, "$name is silent before, and fires" or diag $output, map { "$_->{series} $_->{values}\n" } @series[0 .. ($#series > 20 ? 20 : $#series)];
    $tried{$name} = 1;
}

# What breaks it; what is read while it is broken, if that is not to be afterwards; what mends it.
sub broken ($names, $break, $mend = sub { }, $read = \&scrape) {
    my $before = scrape();
    $break->();
    my $after = $read->();
    $mend->();
    fires($_, $before, $after) for @$names;
}

sub pids ($role) { return map { $_->[0] } $im->sql("select pid from pg_stat_activity where usename = '$role'") }

subtest 'the program that is asked is down' => sub {
    broken(['ImDown'], sub { $im->parts->sv(metrics => 'down') }, sub { $im->parts->sv(metrics => 'up'); $im->eventually(20, sub { scrape()->{im_database_up} }) });
};

subtest 'PostgreSQL lets nobody in' => sub {
    broken(['ImDatabaseDown'], sub {
        $im->sql(q{alter role im_metrics nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'im_metrics'});
    }, sub { $im->sql('alter role im_metrics login'); $im->eventually(20, sub { scrape()->{im_database_up} }) });
};

subtest 'a program fails' => sub {
    broken(['ImFailing'], sub {
        $im->sql(q{alter role im_user nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'im_user'});
        is $ann->get('/user/self')->code, 500, 'it does' for 1 .. 3;
    }, sub { $im->sql('alter role im_user login'); $im->eventually(20, sub { $ann->get('/user/self')->code eq 200 }) });
};

subtest 'PostgreSQL is slow, and many ask' => sub {
    my (@backends, @asked);
    broken([qw(ImSlow ImDatabaseBusy)], sub { }, sub { }, sub {
        kill STOP => @backends = pids('im_user');
        @asked = map { $ann->raw_p(GET => '/user/self') } 1 .. 60;
        my $then;
        $im->eventually(10, sub { $then = scrape(); $then->{'im_database_waiting{program="user"}'} > 20 });
        $im->run(1.2);
        kill CONT => @backends;
        $im->together(@asked);
        return { %{ scrape() }, map { ($_ => $then->{$_}) } grep {/^im_database_waiting/} keys %$then };
    });
};

# As im_monitor, whom PostgreSQL knows by the user of this process.
subtest 'PostgreSQL has many connections' => sub {
    my @held;
    broken(['ImDatabaseCrowded'], sub {
        my $packet = pack 'N/a*', pack('N', 3 << 16) . "user\0im_monitor\0database\0im\0\0";
        $packet = pack('N', length($packet)) . substr $packet, 4;
        for (1 .. 165) {
            my $one = IO::Socket::UNIX->new(Peer => path($im->state, 'db/.s.PGSQL.5432')->to_string) or last;
            print $one $packet;
            $one->flush;
            push @held, $one;
        }
        $im->eventually(20, sub { scrape()->{im_database_backends} > 180 });
    }, sub { @held = (); $im->eventually(20, sub { scrape()->{im_database_backends} < 100 }) });
};

subtest 'nothing is pushed' => sub {
    my $socket = $bob->socket;
    my @clerk  = $im->parts->pids('clerk', 'imclerk');
    broken(['ImOutboxOld'], sub {
        kill STOP => @clerk;
        $im->parts->sv(push => 'down');
        $ann->post('/message/private/send', { receiverId => $bob->id, messageType => 1, content => 'hello' })->must;
        $im->sql(q{update im.outbox set created_at = created_at - interval '1 minute'});       # which has passed
    }, sub { $im->parts->sv(push => 'up'); kill CONT => @clerk; $im->eventually(30, sub { scrape()->{im_outbox_rows} == 0 }) });
};

# Everything that one is told is for a hundred thousand sockets.
subtest 'who publishes is slow' => sub {
    my @push = $im->parts->pids('push', 'nginx');
    my $more = $im->sql('select max(id) + 1000 from im.connection') // 1000;
    $im->sql("insert into im.connection (id, node, worker, account_id, session_id, expires_at, opened) overriding system value
        select $more + n, 'elsewhere', 1, @{[$bob->id]}, (select max(id) from im.session where account_id = @{[$bob->id]}), now() + interval '1 hour', true from generate_series(1, 100000) n");
    broken(['ImPushFull'], sub { kill STOP => @push }, sub {
        kill CONT => @push;
        $im->sql("delete from im.connection where id > $more; delete from im.outbox");
    }, sub {
        my $seen;
        $im->eventually(20, sub {
            $im->together(map { $ann->post_p('/message/private/send', { receiverId => $bob->id, messageType => 1, content => 'hello' }) } 1 .. 8);
            $seen = scrape();
            return $seen->{'im_push_bytes{program="message"}'} > 4e6;
        });
        return $seen;
    });
};

subtest 'a job fails' => sub {
    broken(['ImJobsFail'], sub {
        $im->sql(q{create function im.due_broken() returns bigint language plpgsql as $$ begin raise 'broken'; end $$});
        $im->eventually(20, sub { scrape()->{im_job_failures} > 0 });
    }, sub { $im->sql('drop function im.due_broken()') });
};

subtest 'somebody tries passwords' => sub {
    $im->sql(q{update im.setting set value = '1000000' where name like 'login.captcha_after%'; update im.setting set value = '1' where name = 'login.lock_after'});
    broken(['ImPasswordsGuessed'], sub {
        $im->stranger->many(([POST => '/login', { username => 'dan', password => 'not his' }]) x 30);
    });
};

subtest 'a client that asks without end' => sub {
    $im->sql(q{update im.setting set value = '0' where name = 'friend.hour_limit'});
    broken(['ImRefusing'], sub { $ann->many(([POST => '/friend/request/apply', { friendId => $dan->id }]) x 30) });
};

subtest 'what waits for somebody' => sub {
    broken([qw(ImOrdersWait ImComplaintsWait)], sub {
        $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must;
        $ann->post('/complaint/submit', { targetType => 1, targetId => $bob->id, reason => 'rude' })->must;
        ok $im->eventually(20, sub { scrape()->{im_complaints_open} == 1 }), 'a complaint is open';
    });
};

subtest 'the money does not add up' => sub {
    broken(['ImLedgerBroken'], sub {
        $im->sql(q{insert into im.journal (kind, subject) values ('adjustment', 'nobody gave it to nobody')});
        ok $im->eventually(30, sub { scrape()->{im_ledger_holds} == 0 }), 'the clerk has seen it';
    });
};

is_deeply [grep { !$tried{$_} } sort keys %rule], [], 'each rule has been tried';
$im->allow(qr/\b(?:FATAL|ERROR):|\berror\b|upstream|could not|connect\(\)|job due_broken|PostgreSQL/);
$im->end;
done_testing;
