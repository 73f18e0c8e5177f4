# call: people who see each other.  Two Chromiums, each with a false camera, call through this server and decode what the other
# films: straight, by the relay alone, three at once; while push and program die, and in a page that is loaded anew.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Site;
use IM::Stack;
use Mojo::Parameters;
use Test::More;

my $LONG     = 300;    # seconds that anything may take on a machine that others use
my $site     = IM::Site->new(folder => "$FindBin::Bin/call");
my $im       = IM::Stack->new(turn => 1, IM_ORIGINS => $site->url);
my @browsers = map { IM::Browser->new(media => 1, deadline => $LONG) } 1, 2;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob, $cat);
$im->sql("update im.setting set value = '10 minutes' where name in ('call.ring', 'call.vanish')");    # here nobody is late

my %page;

# A page of that person's own, logged in.
sub phone ($browser, $user, %place) {
    my $place = Mojo::Parameters->new(chat => $im->url('chat'), socket => $im->url('backstage') =~ s/^http/ws/r . '/ws', %place);
    my $page  = $browser->page($site->url . "/index.html?$place");
    $im->eventually($LONG, sub { $page->run('return window.phone?.ready') }) or die "the page of @{[$user->name]} does not begin\n";
    $page->run('return phone.login(name, password)', { name => $user->name, password => $user->password });
    becomes($page, 'none') or die "the page of @{[$user->name]} does not connect\n";
    return $page;
}

# The state of a page's call, once it is that.
sub becomes ($page, $state) { return $im->eventually($LONG, sub { $page->run('return phone.state') eq $state }) }

# What a page sees of each of the others, by their account; one thing of it.
sub seen ($page, $what) { my $seen = $page->run('return phone.seen()'); return { map { ($_ => $seen->{$_}{$what}) } keys %$seen } }

# Each of the named sees these people: three more frames of each are decoded, and nobody else is there.
sub see ($title, %who) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %before = map { ($_ => seen($page{$_}, 'frames')) } keys %who;
    my %now;
    my $grown = sub ($name) {
        $now{$name} = seen($page{$name}, 'frames');
        return !grep { ($now{$name}{ $_->id } // 0) < ($before{$name}{ $_->id } // 0) + 3 } @{ $who{$name} };
    };
    ok $im->eventually($LONG, sub { !grep { !$grown->($_) } sort keys %who }), $title or diag explain [\%before, \%now];
    is_deeply [map { [sort keys %{ $now{$_} }] } sort keys %who], [map { [sort map { $_->id } @{ $who{$_} }] } sort keys %who], 'and nobody else';
}

# They agree on a way anew, within the call.
sub renews ($page, $other, $title) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = seen($page, 'agreed')->{ $other->id };
    $page->run('return phone.restart(id)', { id => $other->id });
    ok $im->eventually($LONG, sub { seen($page, 'agreed')->{ $other->id } ne $before }), $title;
}

sub calls ($from, $to, $callee) {
    my $call = $from->run('return phone.setup(id)', { id => $callee->id });
    ok becomes($to, 'ringing'), 'it rings';
    $to->run('return phone.accept()');
    return $call;
}

sub ends ($page, @others) {
    $page->run('return phone.handup()');
    ok becomes($_, 'none'), 'it is over' for $page, @others;
}

sub quiet (@pages) { is_deeply [map { @{ $_->errors } } @pages], [], 'no page has complained' }

sub picture ($name, $file) { $page{$name}->shot("$ENV{IM_SHOT}/$file.png") if $ENV{IM_SHOT} }

%page = (ann => phone($browsers[0], $ann), bob => phone($browsers[1], $bob));

subtest 'ann calls bob' => sub {
    my $call = calls(@page{qw(ann bob)}, $bob);
    see('they see each other', ann => [$bob], bob => [$ann]);
    picture(bob => 'two');
    unlike seen($page{ann}, 'ends')->{ $bob->id }[$_], qr/relay/, 'and not by way of the relay' for 0, 1;
    renews($page{ann}, $bob, 'they can agree on another way');
    see('and go on', ann => [$bob], bob => [$ann]);
    ends(@page{qw(ann bob)});
    ok $im->eventually($LONG, sub { $page{$_}->run('return phone.records.length') }), "$_ is sent the record" for qw(ann bob);
    my ($record) = @{ $page{bob}->run('return phone.records') };
    my $seconds = $im->sql("select floor(extract(epoch from ended_at - accepted_at)) from im.call where id = '$call'");
    cmp_ok $seconds, '>=', 1, 'they have seen each other for a while';
    is_deeply $record, { callId => $call, mode => 1, outcome => 'answered', duration => $seconds }, 'which the record says';
    quiet(values %page);
};

subtest 'a group' => sub {
    my $group = $im->group($ann, $bob, $cat);
    $page{cat} = phone($browsers[0], $cat);
    $page{ann}->run('return phone.setupGroup(id)', { id => $group });
    for my $name (qw(bob cat)) {
        ok becomes($page{$name}, 'ringing'), "it rings at $name";
        $page{$name}->run('return phone.join()');
    }
    see('each of three sees the others', ann => [$bob, $cat], bob => [$ann, $cat], cat => [$ann, $bob]);
    picture(ann => 'three');
    $page{cat}->run('return phone.handup()');
    ok becomes(delete $page{cat}, 'none'), 'cat leaves';
    ok $im->eventually($LONG, sub { !seen($page{$_}, 'frames')->{ $cat->id } }), "$_ does not see her any more" for qw(ann bob);
    see('the others go on', ann => [$bob], bob => [$ann]);
    ends($page{$_}) for qw(ann bob);
    quiet(values %page);
};

subtest 'what dies, and who comes back' => sub {
    calls(@page{qw(ann bob)}, $bob);
    see('they see each other', ann => [$bob], bob => [$ann]);
    kill KILL => map { $im->parts->pids($_) } qw(push webrtc);
    see('while push and program are killed, too', ann => [$bob], bob => [$ann]);
    renews($page{ann}, $bob, 'when they are back, another way is agreed on');
    see('and used', ann => [$bob], bob => [$ann]);

    $im->parts->sv($_, 'down') for qw(push webrtc);
    see('neither is there', ann => [$bob], bob => [$ann]);
    $page{bob}->open($page{bob}->run('return location.href'));
    is $page{bob}->run('return phone.state'), 'offline', "bob's page is loaded anew, and finds nobody";
    $im->parts->sv($_, 'up') for qw(push webrtc);
    see('until it hears of the call', bob => [$ann], ann => [$bob]);
    ends(@page{qw(ann bob)});
    is_deeply [grep { !/ERR_CONNECTION_REFUSED|\b502\b/ } map { @{ $_->errors } } @page{qw(ann bob)}], [], 'no page has complained but of those that were away';
};

subtest 'by the relay alone' => sub {
    for my $page (@page{qw(ann bob)}) {
        $page->open($page->run('return location.href + "&policy=relay"'));
        ok becomes($page, 'none'), 'a page that takes no other way is open';
    }
    calls(@page{qw(bob ann)}, $ann);
    see('they see each other', ann => [$bob], bob => [$ann]);
    is_deeply seen($page{ann}, 'ends')->{ $bob->id }, [qw(relay relay)], 'from relay to relay';
    ends(@page{qw(bob ann)});
};

$im->allow(qr{\Alog/turn/\S+: .* ERROR: });    # coturn calls so whatever a browser tries
$im->kills('webrtc');
$im->allow(qr/exited on signal 9|could not (?:connect|publish)|connect\(\) (?:to|failed)|upstream prematurely|Connection refused|recv\(\) failed/);
$im->end;
done_testing;
