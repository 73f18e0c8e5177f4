# metrics: whoever watches learns whether the server can work and what it has done, and nothing that a client sends makes it
# learn more.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Source;
use IM::Stack;
use List::Util qw(uniq);
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;
use YAML::PP;

my $im = IM::Stack->new;
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $ua    = Mojo::UserAgent->new;
my $fetch = sub ($path) { $ua->get($im->url('metrics') . $path)->result };

# Series => value.
sub scrape () {
    return { map { /\A([^#\s]\S*(?:\{[^}]*\})?) (\S+)\z/ ? ($1 => $2) : () } split /\n/, $fetch->('/metrics')->body };
}

sub route ($name, $program, $method, $path, $more) { return qq($name\{program="$program",method="$method",route="$path",$more}) }

subtest 'whether it lives' => sub {
    is $fetch->($_)->code, 200, "$_ is answered" for qw(/live /ready /metrics);
    is $fetch->('/other')->code, 404, 'nothing else is';
    is $ua->get($im->url($_) . '/metrics')->result->code, 404, "not on the port of $_" for qw(chat backstage redpacket);
};

subtest 'what it has done' => sub {
    my $sent   = route('im_requests_total', qw(message POST /message/private/send), 'code="200"');
    my $timed  = route('im_request_seconds_count', qw(message POST /message/private/send), 'outcome="done"');
    my $denied = route('im_requests_total', qw(friend DELETE /friend/delete/{friendId}), 'code="2001"');
    my $before = scrape;
    $ann->post('/message/private/send', { receiverId => $bob->id, messageType => 1, content => 'hi' })->must for 1 .. 3;
    $ann->delete('/friend/delete/' . ($bob->id + 1000))->refused(2001, 'nobody is no friend');
    my $after = scrape;
    is $after->{$_} - ($before->{$_} // 0), 3, "three more: $_" for $sent, $timed;
    is $after->{$denied} - ($before->{$denied} // 0), 1, 'what is refused is counted by its code';
    my @steps = map { $after->{ route('im_request_seconds_bucket', qw(message POST /message/private/send), qq(outcome="done",le="$_")) } } qw(0.001 0.01 0.1 1 5 +Inf);
    is_deeply [sort { $a <=> $b } @steps], \@steps, 'each step has what the one before has';
    is $steps[-1], $after->{$timed}, 'and the last all';
};

subtest 'what it has' => sub {
    my $socket = $bob->socket;
    my $now    = scrape;
    is $now->{im_database_up}, 1, 'the database answers';
    is $now->{im_sockets},     1, 'bob has a socket';
    is $now->{im_ledger_holds}, 1, 'the ledger holds';
    $ann->post('/user/recharge', { amount => 1, payType => 'alipay' })->must;
    is scrape->{'im_orders_pending{kind="recharge"}'}, 1, 'an order waits';
    my ($connections) = $im->config->{IM_DB_CONNECTIONS} // 4;
    is $now->{'im_database_connections{program="message"}'}, $connections * ($im->config->{IM_PROCESSES_message} // 1), 'a program has its connections';
    is $now->{'im_database_waiting{program="message"}'}, 0, 'nothing waits for one';
    $socket->close;
};

my $many = $ENV{IM_LONG} ? 10_000 : 300;
subtest "$many requests of which nobody has heard" => sub {
    my $ask = sub ($n) {
        return map { [@$_, 'User-Agent' => "agent $n"] } ['GET', "/message/odd-$n", {}], ['GET', "/friend/odd/$n", {}],
            ['DELETE', '/friend/delete/' . (70_000 + $n), {}], ['GET', '/message/private/history', { friendId => 70_000 + $n, page => 1 }];
    };
    $_->many($ask->(0)) for $ann, $bob;
    my $before = scrape;
    for my $n (1 .. $many / 40) { ($n % 2 ? $ann : $bob)->many(map { $ask->($n * 10 + $_) } 0 .. 9) }
    my $after = scrape;
    is_deeply [sort keys %$after], [sort keys %$before], 'there is not one series more';
    my $odd = route('im_requests_total', qw(message none none), 'code="404"');
    cmp_ok $after->{$odd} - $before->{$odd}, '>=', $many / 4 - 10, 'they are counted, as one route';
};

subtest 'labels' => sub {
    my $source = IM::Source->new;
    my %known  = map { ($_ => 1) } 'none', (map { ($_->{method}, $_->{path}) } map { $source->routes($_) } $source->programs),
        $source->text('src/base/code.txt') =~ /^(\d+) \|/gm, $source->programs, qw(done refused failed recharge withdraw), (split ' ', '0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 +Inf'),
        $source->text('configure.ac') =~ /AC_INIT\(\[im-chat\], \[([^\]]+)\]/;
    my @labels = uniq map { /="([^"]*)"/g } keys %{ scrape() };
    is_deeply [grep { !$known{$_} } @labels], [], 'each is known before the first request';
    my $manual = $source->page('metrics');
    is_deeply [grep { $manual !~ /\b\Q$_\E\b/ } uniq map {s/(?:_bucket|_sum|_count)?(?:\{.*)?\z//r} keys %{ scrape() }], [], 'and metrics(8) has each name';
    my %typed = map { ($_ => 1) } $fetch->('/metrics')->body =~ /^# TYPE (\S+)/gm;
    is_deeply [grep { !$typed{$_} } uniq map {s/\{.*//r =~ s/(?<=im_request_seconds)_\w+\z//r} keys %{ scrape() }], [], 'each has its type';
};

subtest 'rules and the dashboard' => sub {
    my %typed = map { ($_ => 1) } $fetch->('/metrics')->body =~ /^# TYPE (\S+)/gm;
    my ($group) = @{ YAML::PP->new->load_file(path($im->root, 'monitor/alerts.yaml'))->{groups} };
    my @panels  = @{ decode_json(path($im->root, 'monitor/dashboard.json')->slurp)->{panels} };
    my %asked = map { my $of = $_; map { (s/(?<=im_request_seconds)_\w+\z//r => $of->{alert} // $of->{title}) } map { ($_->{expr} // '') =~ /\b(im_\w+)/g } $of, @{ $of->{targets} // [] } }
        @{ $group->{rules} }, @panels;
    is_deeply [map {"$_ of $asked{$_}"} grep { !$typed{$_} } sort keys %asked], [], 'ask for nothing that is not there';
    my ($told) = IM::Source->new->text('man/im-chat-operate.7') =~ /^\.Sh WHAT TO BE ALERTED TO\n(.*?)^\.Sh /ms;
    is_deeply [sort map { split / , / } $told =~ /^\.It Li (.*)/gm], [sort map { $_->{alert} } @{ $group->{rules} }], 'and im-chat-operate(7) says of each rule what to do';
};

subtest 'without the database' => sub {
    $im->allow(qr/metrics\[\d+\] error.*(?:PostgreSQL|role "im_metrics")/, qr/FATAL:.*role "im_metrics" is not permitted to log in/, qr/FATAL:  terminating connection due to administrator command/);
    $im->sql(q{alter role im_metrics nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'im_metrics'});
    ok $im->eventually(10, sub { $fetch->('/ready')->code == 503 }), 'it cannot work';
    is $fetch->('/live')->code, 200, 'but lives';
    my $now = scrape;
    is $now->{im_database_up}, 0, 'and says so';
    ok $now->{ route('im_requests_total', qw(message POST /message/private/send), 'code="200"') }, 'what was counted can be had';
    $im->sql('alter role im_metrics login');
    ok $im->eventually(10, sub { $fetch->('/ready')->code == 200 }), 'then it can again';
};

$im->end;
done_testing;
