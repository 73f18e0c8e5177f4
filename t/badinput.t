# badinput: every field of every operation that openapi/ declares gets what nobody should send.  Each is answered as the
# contract says, within a second, by programs that go on.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::Util qw(encode);
use Test::More;
use Time::HiRes qw(time);

use constant { AT_ONCE => 12, SECONDS => 1 };

my $im = IM::Stack->new(IM_PROCESSES_auth => 1);
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob)->arm($ann)->fund($ann, 10);
my $group = $im->group($ann, $bob);
my %who   = (chat => $ann, backstage => $im->admin, redpacket => $ann->as(service => 'redpacket'));
$im->sql(q{update im.setting set value = '1000000' where name ~ 'after|wrong_limit|pending'});

# JSON texts; undef leaves the field out.  The first are for what costs much.
my @BAD = (undef, 'null', '""', '" "', '0', '[]', '{}', 'true', '"\u0000"', '"\ud800"',
    '-1', '0.001', '9007199254740993', '9223372036854775808', '"1"', '[[]]', '[null]', '[""]', '"\u0001"', '"' . 'x' x 300 . '"', '"' . '字' x 5000 . '"',
    q{"';--%s%n\\\\{1,2}\u202e😀"});
my @CHEAP_BAD = @BAD[0 .. 9];
my @BAD_TEXT  = ('', '0', '-1', '01', '1.0', '9' x 20, '%20', '%00', '%01', '%ff', '%c0%ae', '%zz', '%e5%ad%97', 'x' x 300, '2024-02-30%2000:00:00', "{1,2}';--");
my $COSTLY = qr{ /(?:login|register|modifyPwd|setTradePwd)\z};

# What the field would be, so that only one is wrong.
my %GOOD = (
    username => '"nobody"', password => '"wrong one"', oldPassword => '"wrong one"', newPassword => '"another"', tradePassword => encode_json($ann->trade),
    oldTradePassword => '"wrong one"', captchaId => '"00000000-0000-4000-8000-000000000000"', captchaCode => '"x"', friendId => $bob->id, receiverId => $bob->id,
    targetId => $bob->id, userId => $bob->id, groupId => $group, memberIds => '[' . $bob->id . ']', toAddress => '"0x' . 'a' x 40 . '"', chainType => '"bsc"',
    targetType => 1, (map { ($_ => '"https://example.org/a.png"') } qw(headImage groupAvatar)),
    redPacketId => '"00000000-0000-4000-8000-000000000000"', redId => '"00000000-0000-4000-8000-000000000000"', payType => '"alipay"',
);
$im->secret('wrong one');

sub schema ($contract, $node) { return $contract->resolved($node) }

sub good ($name, $schema) {
    return $GOOD{$name} // ($schema->{enum} ? encode_json($schema->{enum}[0]) : undef)
        // { integer => '1', number => '1.00', boolean => 'false', array => '[]' }->{ $schema->{type} // '' } // '"x"';
}

# The requests that have one thing wrong each: [path, body, what is wrong].
sub spoilt ($contract, $method, $path, $operation) {
    my $body = schema($contract, ($operation->{requestBody} // {})->{content}{'application/json'}{schema} // {});
    my %fields = map { ($_ => good($_, schema($contract, $body->{properties}{$_}))) } keys %{ $contract->fields($body) };
    my @parameters = map { schema($contract, $_) } @{ $operation->{parameters} // [] };
    my $there = $path =~ s/\{\w+\}/$group/r;
    my $text  = sub (%given) { encode('UTF-8', '{' . join(',', map {qq("$_":$given{$_})} grep { defined $given{$_} } sort keys %given) . '}') };
    my @requests;
    for my $name (sort keys %fields) {
        push @requests, map { [$there, $text->(%fields, $name => $_), "$name = " . ($_ // 'nothing')] } "$method $path" =~ $COSTLY ? @CHEAP_BAD : @BAD;
    }
    for my $parameter (@parameters) {
        my ($name, $in) = @$parameter{qw(name in)};
        push @requests, map { ["$there?$name=$_", $text->(%fields), "?$name = $_"] } @BAD_TEXT if $in eq 'query';
        push @requests, map { [$path =~ s/\{\w+\}/$_/r, $text->(%fields), "/$_"] } grep { !/^(?:|%00|%zz)\z/ } @BAD_TEXT if $in eq 'path';    # nginx's own
    }
    return (@requests, map { [$there, $_, 'body ' . substr $_, 0, 20] } '', 'null', '[]', '{', "\xff", '{"x":' x 20 . '1' . '}' x 20);
}

# A promise of what is wrong with the answer; none when nothing is.
sub try_p ($user, $method, $request) {
    my ($path, $body, $what) = @$request;
    my $start = time;
    my @send  = $method eq 'GET' ? () : $body;
    return $user->ua->start_p($user->_build($method, $path, { 'Content-Type' => 'application/json' }, @send))->then(sub ($tx) {
        my $answer = $user->_judge($method, $path, $tx->result);
        my $took   = time - $start;
        return join '; ', "$method $path, $what: " . substr($answer->text, 0, 200), @{ $answer->faults } if @{ $answer->faults } || $answer->code !~ /^(?!50\d)\d+$/;
        return $took > SECONDS ? sprintf '%s %s, %s: took %.1f s', $method, $path, $what, $took : '';
    });
}

# Those that were slow among others are tried alone.
sub faults_of ($user, $method, @requests) {
    my @faults;
    while (my @some = splice @requests, 0, AT_ONCE) {
        my @said = outcomes(map { try_p($user, $method, $_) } @some);
        push @faults, map { $said[$_] =~ /: took/ ? outcomes(try_p($user, $method, $some[$_])) : $said[$_] } 0 .. $#said;
    }
    return grep {length} @faults;
}

sub outcomes (@promises) { return $im->together(@promises) }

for my $service (sort keys %who) {
    my $contract   = $im->contract($service);
    my $operations = $contract->operations;
    my ($start, $count) = (time, 0);
    # What ends ann's sessions comes last.
    for my $name (sort { ($a =~ /logout/) <=> ($b =~ /logout/) || $a cmp $b } keys %$operations) {
        my ($method, $path) = split / /, $name;
        my @requests = spoilt($contract, $method, $path, $operations->{$name});
        $count += @requests;
        my @faults = faults_of($who{$service}, $method, @requests);
        ok !@faults, "$service: $name" or diag map {"  $_\n"} @faults[0 .. ($#faults > 4 ? 4 : $#faults)];
    }
    note sprintf '%s: %d requests in %.1f s', $service, $count, time - $start;
}

# As when the machine has none left: an allocation of the program fails.
subtest 'who finds no memory says so and goes on' => sub {
    my %pid;
    my $limit = sub ($more) {
        for my $program (qw(auth message)) {
            $pid{$program} //= ($im->parts->pids($program, $program))[0];
            my $status = path("/proc/$pid{$program}/status")->slurp;
            my ($user, $group_id) = $status =~ /^Uid:\s+(\d+).*^Gid:\s+(\d+)/ms;
            my $most   = defined $more ? 1024 * ($more + ($status =~ /^VmSize:\s+(\d+)/m)[0]) : 'unlimited';
            system($> ? () : ('chpst', '-u', ":$user:$group_id"), 'prlimit', "--pid=$pid{$program}", "--as=$most:") == 0 or die "no limit for $program\n";
        }
    };
    my $login = sub { $im->stranger->post('/login', { username => 'bob', password => $bob->password }) };
    my $send  = sub (%more) { $bob->post('/message/private/send', { receiverId => $ann->id, content => 'x', messageType => 1, %more }) };
    $im->parts->sv('auth', 'restart');
    ok $im->eventually(10, sub { $im->stranger->post('/login')->code eq 400 }), 'auth has computed nothing yet';
    $limit->(512);
    is $login->()->code, 500, 'a password that cannot be computed is answered with 500' for 1 .. 3;
    like $send->(x => [(1) x 30_000])->code, qr/^[45]00$/, 'a body that cannot be read is refused';
    $bob->get('/conversation/list')->ok('what needs less is answered');
    $limit->(undef);
    $login->()->ok('with memory bob logs in');
    $send->()->ok('and writes');
    is_deeply [map { $im->parts->pids($_, $_) } sort keys %pid], [map { $pid{$_} } sort keys %pid], 'to the same processes';
};

$im->allow(qr/could not compute Argon2id|out of memory|POST \S+ failed/);
$im->end;
done_testing;
