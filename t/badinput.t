# badinput: every field of every operation and of every frame that openapi/ declares gets what nobody should send.  Each is
# answered as the contract says, within a second, by programs that go on; what is refused changes nothing.  And each request
# with nothing wrong gets past the check of its fields, so that what is wrong is met where it is.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp qw(tempdir);
use IM::Source;
use IM::Stack;
use List::Util qw(sum0);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::URL;
use Mojo::Util qw(encode);
use Test::More;
use Time::HiRes qw(time);

use constant { AT_ONCE => 12, SECONDS => 1, ALONE => 5, MOST => 400 };

# Memory that fails when it is told to (t/memory/fail.c), for programs that AddressSanitizer watches (make check-sanitize).  A
# wrapper of the caller's brings its own.
my $plans   = Mojo::File->new(tempdir(CLEANUP => 1));
my $failing = !$ENV{IM_WRAP} && `ldd $ENV{IM_BUILD_DIR}/cgi-bin/message` =~ /libasan/
    && system('cc', '-O2', '-shared', '-fPIC', "$FindBin::Bin/memory/fail.c", '-o', "$plans/fail.so") == 0;
my $asan    = join ':', grep {length} 'verify_asan_link_order=0', $ENV{ASAN_OPTIONS} // '';
my @names   = IM::Source->new->programs;
chmod 0755, $plans;
for my $name (@names) {
    my $plan = $plans->child($name);
    $plan->open(">")->print("\0" x 16);
    $plan->chmod(0666);
}

my $im = IM::Stack->new(IM_PROCESSES_auth => 1, $failing ? (IM_WRAP => "/usr/bin/env LD_PRELOAD=$plans/fail.so IM_FAIL=$plans ASAN_OPTIONS=$asan") : ());
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($bob, $ann, $cat)->arm($ann)->fund($ann, 10);
my $group = $im->group($ann, $bob);
my $old   = $ann->post('/message/private/send', { receiverId => $bob->id, content => 'old', messageType => 1 })->must;
my %who   = (chat => $ann, backstage => $im->admin, redpacket => $ann->as(service => 'redpacket'));
$im->sql(q{update im.setting set value = '1000000' where name ~ 'after|wrong_limit|^friend.*limit'});

# JSON texts; undef leaves the field out.  The first are for what costs much.
my @BAD = (undef, 'null', '""', '" "', '0', '[]', '{}', 'true', '"\u0000"', '"\ud800"',
    '-1', '0.001', '9007199254740993', '9223372036854775808', '"999998"', '"+1"', '[[]]', '[null]', '[""]', '"\u0001"', '"' . 'x' x 300 . '"', '"' . '字' x 5000 . '"',
    q{"';--%s%n\\\\{1,2}\u202e😀"});
my @CHEAP_BAD = @BAD[0 .. 9];
my @BAD_TEXT  = ('', '0', '-1', '01', '1.0', '9' x 20, '%20', '%00', '%01', '%ff', '%c0%ae', '%zz', '%e5%ad%97', 'x' x 300, '2024-02-30%2000:00:00', "{1,2}';--");
my $COSTLY = qr{ /(?:login|register|modifyPwd|setTradePwd)\z|assword\z};

# What the field would be, so that only one is wrong.
my %GOOD = (
    username => '"nobody"', password => '"wrong one"', oldPassword => '"wrong one"', newPassword => '"another"', tradePassword => encode_json($ann->trade),
    oldTradePassword => '"wrong one"', captchaId => '"00000000-0000-4000-8000-000000000000"', captchaCode => '"x"', friendId => $bob->id, receiverId => $bob->id,
    targetId => $bob->id, userId => $bob->id, groupId => $group, memberIds => '[' . $bob->id . ']', toAddress => '"0x' . 'a' x 40 . '"', chainType => '"bsc"',
    since => '"7c1f.1"', targetType => 1, (map { ($_ => '"https://example.org/a.png"') } qw(headImage groupAvatar)),
    userIds => '[999999]', toUserId => $bob->id, maxMessageId => $old->{id}, messageId => $old->{id}, payType => '"alipay"', email => '"nobody@example.org"',
    word => '"mischief"', text => '"mischief"', ids => '[999999]', groupIds => "[$group]", sendTime => '"2024-01-01 00:00:00"', phone => '"13800138000"', txHash => '"' . 'ab' x 32 . '"', name => '"bob"', url => '"00000000-0000-4000-8000-000000000000"', candidate => '"x"',
);
my $UUID = '"00000000-0000-4000-8000-000000000000"';
$im->secret('wrong one');

sub schema ($contract, $node) { return $contract->resolved($node) }

sub good ($name, $schema) {
    state $next = 0;
    return '"good ' . ++$next . '"' if $name eq 'clientMsgId';    # a client uses each once
    return $UUID if ($schema->{pattern} // '') =~ /8\}-/;
    return $GOOD{$name} // ($schema->{enum} ? encode_json($schema->{enum}[0]) : undef)
        // { integer => '1', number => '1.00', boolean => 'false', array => '[]' }->{ $schema->{type} // '' } // '"x"';
}

# JSON text of an object with these fields, as far as they are defined.
sub object (%given) {
    return encode('UTF-8', '{' . join(',', map {qq("$_":$given{$_})} grep { defined $given{$_} } sort keys %given) . '}');
}

# A request of that operation as it should be: what its path, its query and its fields are.
sub right ($contract, $path, $operation) {
    my $body   = schema($contract, ($operation->{requestBody} // {})->{content}{'application/json'}{schema} // {});
    my %fields = map { ($_ => good($_, schema($contract, $body->{properties}{$_}))) } keys %{ $contract->fields($body) };
    my @parameters = map { schema($contract, $_) } @{ $operation->{parameters} // [] };
    my %good   = map { ($_->{name} => good($_->{name}, schema($contract, $_->{schema})) =~ s/\A"|"\z//gr) } @parameters;
    my $query  = join '&', map {"$_=$good{$_}"} map { $_->{name} } grep { $_->{in} eq 'query' && $_->{required} } @parameters;
    return ($path =~ s/\{(\w+)\}/$good{$1}/r, $query, \%fields, @parameters);
}

# The requests that have one thing wrong each: [path, body, what is wrong].
sub spoilt ($contract, $method, $path, $operation) {
    my ($there, $query, $fields, @parameters) = right($contract, $path, $operation);
    my ($whole, $question, @requests) = (object(%$fields), $query ? "?$query&" : '?');
    for my $name (sort keys %$fields) {
        push @requests, map { ["$there?$query", object(%$fields, $name => $_), "$name = " . ($_ // 'nothing')] } "$method $path" =~ $COSTLY ? @CHEAP_BAD : @BAD;
    }
    for my $parameter (@parameters) {
        my ($name, $in) = @$parameter{qw(name in)};
        push @requests, map { [$there . ($question =~ s/\b$name=[^&]*&//r) . "$name=$_", $whole, "?$name = $_"] } @BAD_TEXT if $in eq 'query';
        push @requests, map { [$path =~ s/\{\w+\}/$_/r, $whole, "/$_"] } grep { !/^(?:|%00|%zz)\z/ } @BAD_TEXT if $in eq 'path';    # nginx's own
    }
    return (@requests, map { ["$there?$query", $_, 'body ' . substr $_, 0, 20] } '', 'null', '[]', '{', "\xff", '{"x":' x 20 . '1' . '}' x 20);
}

# Nothing is wrong with the request, or it is refused for something else than its fields; and an object in the place of any
# other value is refused by that field's name.
sub reaches ($user, $contract, $method, $path, $operation) {
    my ($there, $query, $fields, @parameters) = right($contract, $path, $operation);
    my $answer = sub ($body) { $user->raw($method => "$there?$query", $method eq 'GET' ? '' : $body, 'Content-Type' => 'application/json') };
    my @missed;
    for my $name (sort keys %$fields) {
        next if "$path $name" =~ m{ (?:candidate|values)\z|^/login totpCode\z};    # any object is one; read where there is a second factor
        my $said = $answer->(object(%$fields, $name => '{}'));
        push @missed, "$name = {}: " . $said->text if $said->code ne 400 || $said->message !~ /\b$name\b/;
    }
    my $good = $answer->(object(%$fields));
    push @missed, 'nothing wrong: ' . $good->text if $good->code =~ /^(?:40[01]|5\d\d)\z/;
    return @missed;
}

# A promise of what is wrong with the answer; none when nothing is.
sub try_p ($user, $method, $request, $most = SECONDS) {
    my ($path, $body, $what) = @$request;
    my $start = time;
    my $there = Mojo::URL->new($path)->path_query;    # some of these are no character of a url
    return $user->raw_p($method, $there, $method eq 'GET' ? '' : $body, 'Content-Type' => 'application/json')->then(sub ($answer) {
        my $took = time - $start;
        return join '; ', "$method $path, $what: " . substr($answer->text, 0, 200), @{ $answer->faults } if @{ $answer->faults } || $answer->code !~ /^(?!50\d)\d+$/;
        return $took > $most ? sprintf '%s %s, %s: took %.1f s', $method, $path, $what, $took : '';
    });
}

# Those that were slow among others are tried alone, with more time and up to three times: others may use the machine.
sub faults_of ($user, $method, @requests) {
    my @faults;
    while (my @some = splice @requests, 0, AT_ONCE) {
        my @outcomes = outcomes(map { try_p($user, $method, $_) } @some);
        my @said     = map { [$outcomes[$_], $some[$_]] } 0 .. $#some;
        for my $try (1 .. 3) { $_->[0] = (outcomes(try_p($user, $method, $_->[1], ALONE)))[0] for grep { $_->[0] =~ /: took/ } @said }
        push @faults, map { $_->[0] } @said;
    }
    return grep {length} @faults;
}

sub outcomes (@promises) { return $im->together(@promises) }

# A frame with one thing wrong is answered with an ERROR that names it and carries the clientMsgId, or, when it is right after
# all, as it should be; the socket stays, and nothing of what is refused is kept.
subtest 'frames' => sub {
    my ($contract, $next, $refused, %kept) = ($im->contract('chat'), 0, 0);
    my $socket = $ann->socket(deadline => 20);
    my $before = $im->sql('select count(*) from im.message');
    my $try    = sub ($id, $field, $text) {
        my $frame = $socket->send_text($text)->next // return 'nothing was answered';
        my $data  = $frame->{data};
        $kept{ $data->{id} } = 1 if $data->{event} eq 'MESSAGE';    # a clientMsgId may come again
        return '' if $data->{event} ne 'ERROR';
        $refused++;
        return 'answered with another clientMsgId' if ($data->{clientMsgId} // '') ne $id && $field ne 'clientMsgId';
        return $data->{code} != 400 || $data->{message} =~ /\b$field\b/ ? 'ERROR' : "the field is not named: $data->{message}";
    };
    my $frames = $contract->frame_schemas;
    for my $type (sort keys %$frames) {
        my $known  = $contract->fields($frames->{$type}{properties}{data}, $contract->socket);
        my %fields = map { ($_ => good($_, $contract->resolved($known->{$_}, $contract->socket))) } keys %$known;
        my $whole  = sub ($id, %spoilt) { object(%fields, clientMsgId => qq("$id"), %spoilt) };
        my @missed;
        for my $field (sort keys %fields) {
            for my $bad (@BAD) {
                my $id    = 'f' . ++$next;
                my $said  = $try->($id, $field, qq({"type":"$type","data":) . $whole->($id, $field => $bad) . '}');
                my $wrong = $said =~ /\A(?:ERROR)?\z/ ? ($bad // '') eq '{}' && !$said && 'an object is taken' : $said;
                push @missed, "$field = " . ($bad // 'nothing') . ": $wrong" if $wrong;
            }
        }
        for my $bad (@BAD) {
            my $id   = 'f' . ++$next;
            my $data = $whole->($id);
            push @missed, map { "type = " . ($bad // 'nothing') . ": $_" } grep { $_ ne 'ERROR' }
                $try->($id, 'type', defined $bad ? '{"type":' . encode('UTF-8', $bad) . qq(,"data":$data}) : qq({"data":$data}));
            next if !defined $bad || $bad =~ /\A(?:null|\{\})\z/;    # which is none
            push @missed, map {"data = $bad: $_"} grep { $_ ne 'ERROR' } $try->('', 'data', qq({"type":"$type","data":) . encode('UTF-8', $bad) . '}');
        }
        my $id = 'f' . ++$next;
        push @missed, 'what is right is refused' if $try->($id, '', qq({"type":"$type","data":) . $whole->($id) . '}');
        ok !@missed, "$type: what is wrong is named" or diag map {"  $_\n"} @missed[0 .. ($#missed > 9 ? 9 : $#missed)];
    }
    ok $socket->is_open, 'the socket is open after all that';
    is $im->sql('select count(*) from im.message') - $before, scalar keys %kept, 'what was acknowledged is kept, and nothing else';
    note sprintf '%d frames were refused, %d messages taken', $refused, scalar keys %kept;
};

# What takes something away comes later, what ends ann's sessions last.
sub turn ($service, $name) { return ($name =~ /logout/ ? 3 : $name =~ /^DELETE|blacklist.add/ ? 2 : 1) . " $service $name" }

my %operations = map { my $service = $_; map { (turn($service, $_) => [$service, $_]) } keys %{ $im->contract($service)->operations } } keys %who;
my ($start, $count) = (time, 0);
for my $turn (sort keys %operations) {
    my ($service, $name) = @{ $operations{$turn} };
    my ($contract, $method, $path) = ($im->contract($service), split / /, $name);
    my $operation = $contract->operations->{$name};
    local @GOOD{qw(id userId groupId)} = (999_999) x 3 if $service eq 'backstage';    # nobody's: an administrator may do much
    my $form      = ($operation->{requestBody} // {})->{content}{'multipart/form-data'};    # t/file.t has their fields
    my @missed    = $form || $name =~ /callback|refreshToken/ ? () : reaches($who{$service}, $contract, $method, $path, $operation);
    ok !@missed, "$service: $name is read" or diag map {"  $_\n"} @missed;
    my @requests  = spoilt($contract, $method, $path, $operation);
    $count += @requests;
    my @faults    = faults_of($who{$service}, $method, @requests);
    ok !@faults, "$service: $name" or diag map {"  $_\n"} @faults[0 .. ($#faults > 4 ? 4 : $#faults)];
}
note sprintf '%d requests in %.1f s', $count, time - $start;

# Each allocation of a request fails once, or of some requests two in the short form: it is answered, and the program goes on.
sub plan_of ($program) { return unpack 'l4', $plans->child($program)->slurp }

sub set_plan ($program, $armed, $nth) {
    open my $file, '+<', $plans->child($program) or die "no plan for $program: $!\n";
    syswrite $file, pack 'l4', $armed, 0, $nth, 0;
}

# Asks once while the n-th fails, or none: (answer, how many there were, whether it came to that).
sub starve ($user, $contract, $program, $name, $nth) {
    my ($method, $path) = split / /, $name;
    my ($there, $query, $fields) = right($contract, $path, $contract->operations->{$name});
    set_plan($program, 1, $nth);
    my $answer = $user->raw($method => "$there?$query", $method eq 'GET' ? '' : object(%$fields), 'Content-Type' => 'application/json');
    my (undef, $count, undef, $failed) = plan_of($program);
    set_plan($program, 0, 0);
    return ($answer, $count, $failed);
}

# (codes of the answers, how often each; what is wrong).
sub memory_fails ($user, $contract, $program, $name) {
    my (%said, @wrong);
    my ($whole, $count) = starve($user, $contract, $program, $name, 0);
    for my $nth ($ENV{IM_LONG} ? 1 .. ($count < MOST ? $count : MOST) : $count ? map { 1 + int rand $count } 1 .. 2 : ()) {
        my ($answer, undef, $failed) = starve($user, $contract, $program, $name, $nth);
        my @faults = grep { !/has code 50[02]/ } @{ $answer->faults };    # nginx's word, where there is none for the answer itself
        push @faults, 'an honest token is refused' if $answer->code eq '401' && $whole->code ne '401';
        push @wrong, "$name, $nth of $count: " . join '; ', @faults if @faults;
        $said{ $answer->code }++ if $failed;
    }
    return (\%said, @wrong);
}

subtest 'memory that fails at the n-th allocation' => sub {
    my (%program, %before, %said, @faults);
    $ann->login->must;
    $im->{admin} = undef;    # has logged out above
    my %fresh = (chat => $ann, backstage => $im->admin, redpacket => $ann->as(service => 'redpacket'));
    for my $program (@names) {
        $program{"$_->{method} $_->{path}"} = $program for IM::Source->new->routes($program);
        $before{$program} = join ' ', $im->parts->pids($program, $program);
    }
    my @turns = grep { $_ !~ /logout|upload|callback/ && $program{ $operations{$_}[1] } } sort keys %operations;
    @turns = (sort { $a->[0] <=> $b->[0] } map { [rand, $_] } @turns)[0 .. 39] if !$ENV{IM_LONG};
    for my $turn (map { ref ? $_->[1] : $_ } @turns) {
        my ($service, $name) = @{ $operations{$turn} };
        local @GOOD{qw(id userId groupId)} = (999_999) x 3 if $service eq 'backstage';
        my ($codes, @wrong) = memory_fails($fresh{$service}, $im->contract($service), $program{$name}, $name);
        $said{$_} += $codes->{$_} for keys %$codes;
        push @faults, @wrong;
    }
    ok !@faults, 'each is answered' or diag map {"  $_\n"} @faults[0 .. ($#faults > 19 ? 19 : $#faults)];
    my @ended = grep { $before{$_} ne join ' ', $im->parts->pids($_, $_) } @names;
    is_deeply \@ended, [], 'no program has ended';
    ok $said{500}, 'some with 500';
    note sprintf '%d allocations failed: %s', sum0(values %said), join ', ', map {"$said{$_} times $_"} sort keys %said;
    $ann->login->ok('who comes then is served');
} if $failing;

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
    my $send  = sub (%more) { $bob->post('/message/private/send', { receiverId => $cat->id, content => 'x', messageType => 1, %more }) };
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

$im->allow(qr/could not compute Argon2id|out of memory|(?:GET|POST|PUT|DELETE) \S+ failed/,
    qr/lost a PostgreSQL connection|connection to client lost|could not publish \d+ events in time|could not clear the outbox|upstream prematurely closed/);
$im->end;
done_testing;
