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

my $LONG     = 120;    # seconds that anything may take on a machine that others use
my $site     = IM::Site->new(folder => "$FindBin::Bin/call");
my $im       = IM::Stack->new(IM_ORIGINS => $site->url);
my @browsers = map { IM::Browser->new(media => 1, deadline => $LONG) } 1, 2;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob, $cat);
$im->sql("update im.setting set value = '10 minutes' where name in ('call.ring', 'call.vanish')");    # here nobody is late

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

# Of each of these people five more frames are decoded, of nobody else any.
sub watches ($page, $title, @people) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = seen($page, 'frames');
    my $now;
    my $grown = sub { $now = seen($page, 'frames'); @people == grep { ($now->{ $_->id } // 0) >= ($before->{ $_->id } // 0) + 5 } @people };
    ok $im->eventually($LONG, $grown), $title or diag explain [$before, $now];
    is_deeply [sort keys %$now], [sort map { $_->id } @people], 'and nobody else';
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

my %page;

sub picture ($name, $file) { $page{$name}->shot("$ENV{IM_SHOT}/$file.png") if $ENV{IM_SHOT} }

%page = (ann => phone($browsers[0], $ann), bob => phone($browsers[1], $bob));

subtest 'ann calls bob' => sub {
    my $call = calls(@page{qw(ann bob)}, $bob);
    watches($page{ann}, 'ann sees bob', $bob);
    watches($page{bob}, 'and bob ann',  $ann);
    picture(bob => 'two');
    renews($page{ann}, $bob, 'they can agree on another way');
    watches($page{$_->[0]}, "and $_->[0] sees on", $_->[1]) for ['ann', $bob], ['bob', $ann];
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
    watches($page{ann}, 'ann sees two',      $bob, $cat);
    watches($page{bob}, 'bob the other two', $ann, $cat);
    watches($page{cat}, 'and cat too',       $ann, $bob);
    picture(ann => 'three');
    $page{cat}->run('return phone.handup()');
    ok becomes($page{cat}, 'none'), 'cat leaves';
    watches($page{ann}, 'ann sees one still', $bob);
    watches($page{bob}, 'as bob does',        $ann);
    ends($page{$_}) for qw(ann bob);
    quiet(values %page);
};

subtest 'what dies, and who comes back' => sub {
    my $call = calls(@page{qw(ann bob)}, $bob);
    watches($page{bob}, 'bob sees ann', $ann);
    kill KILL => map { $im->parts->pids($_) } qw(push webrtc);
    watches($page{bob}, 'and while push and program are killed', $ann);
    renews($page{ann}, $bob, 'when they are back, another way is agreed on');
    watches($page{bob}, 'and used', $ann);

    $im->parts->sv($_, 'down') for qw(push webrtc);
    watches($page{ann}, 'ann sees bob without them', $bob);
    $page{bob}->open($page{bob}->run('return location.href'));
    watches($page{bob}, 'his page is loaded anew, and finds nobody');
    $im->parts->sv($_, 'up') for qw(push webrtc);
    watches($page{bob}, 'until it hears of the call', $ann);
    watches($page{ann}, 'and ann sees him again', $bob);
    ends(@page{qw(ann bob)});
    is_deeply [grep { !/ERR_CONNECTION_REFUSED|\b502\b/ } map { @{ $_->errors } } @page{qw(ann bob)}], [], 'no page has complained but of those that were away';
};

$im->kills('webrtc');
$im->allow(qr/exited on signal 9|could not (?:connect|publish)|connect\(\) (?:to|failed)|upstream prematurely|Connection refused|recv\(\) failed/);
$im->end;
done_testing;
