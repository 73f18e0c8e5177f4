# kit: the client kit of web/lib (im-client.js) in Node and in Chromium, on a stack whose parts are killed while they talk:
# nothing is lost, doubled or out of order, on several devices of one account.  Its table of operations is the contract's.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Stack;
use IPC::Open2;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json encode_json);
use Test::More;

my $root = path($FindBin::Bin)->dirname;

subtest 'every operation of the contract has its name' => sub {
    my $paths = decode_json(path($ENV{IM_BUILD_DIR} // "$root", 'openapi/chat.json')->slurp)->{paths};
    my %wanted;
    for my $path (keys %$paths) {
        $wanted{ $paths->{$path}{$_}{operationId} } = uc($_) . " $path" for keys $paths->{$path}->%*;
    }
    my $file  = $root->child('web/lib/im-calls.js');
    my ($top) = $file->slurp =~ /\A(.*?\{\n)/s;
    $file->open('>')->print($top . join('', map {"    $_: '$wanted{$_}',\n"} sort { $wanted{$a} =~ s/^\w+ //r cmp $wanted{$b} =~ s/^\w+ //r || $a cmp $b } keys %wanted) . "};\n")
        if $ENV{IM_RENEW};
    is_deeply { $file->slurp =~ /^    (\w+): '(.*)',$/mg }, \%wanted, 'IM_RENEW=1 writes them';
};

my $im = IM::Stack->new;
my ($ann, $bob) = $im->users(qw(ann bob));
$im->befriend($ann, $bob);
my $group = $im->group($ann, $bob);

# --- the devices: two of ann's in Node, one of bob's in Chromium ---

package Node {
    sub new ($class, @given) {
        my $self = bless {}, $class;
        $self->{pid} = IPC::Open2::open2($self->{from}, $self->{to}, 'node', "$FindBin::Bin/kit/node.js");
        $self->{to}->autoflush;
        $self->do('open', @given);
        return $self;
    }

    sub do ($self, @what) {
        print { $self->{to} } Mojo::JSON::encode_json(\@what) . "\n";
        my $answer = Mojo::JSON::decode_json(readline($self->{from}) // die "node has ended\n");
        die "@what: $answer->{died}\n" if $answer->{died};
        return $answer->{is};
    }

    sub end ($self) {
        close $self->{to};
        waitpid $self->{pid}, 0;
        return $?;
    }
}

package Page {
    sub new ($class, $page, $options) {
        my $self = bless { page => $page }, $class;
        my $talk = Mojo::File->new("$FindBin::Bin/kit/talk.js")->slurp =~ s/^export //mr;
        $page->run("$talk; window.kit = await talk(await import('/lib/im-client.js'), options); return true", { options => $options });
        return $self;
    }

    sub do ($self, $what, @given) { return $self->{page}->run('return await kit[what](...given) ?? null', { what => $what, given => \@given }) }
}

package main;

my $phone   = Node->new({ url => $im->url('chat'), name => 'ann', password => $ann->password });
my $desk    = Node->new({ url => $im->url('chat'), name => 'ann', password => $ann->password });
my $browser = IM::Browser->new(deadline => 300);
my $page    = $browser->page($im->url('chat') . '/');
my $tab     = Page->new($page, { name => 'bob', password => $bob->password });
my @devices = ($phone, $desk, $tab);
my $ready   = sub { 3 == grep { $_->do('state') eq 'ready' } @devices };
ok $im->eventually(60, $ready), 'all are connected';

is_deeply $_->do('renew'), [1, 5], 'a token is renewed once, whoever waits for it' for $phone, $tab;

my $said  = 0;
my $round = sub {
    $said++;
    $phone->do(say => { receiverId => $bob->id }, [map {"phone $said $_"} 1 .. 4]);
    $desk->do(say => { receiverId => $bob->id }, [map {"desk $said $_"} 1 .. 2]);
    $desk->do(say => { groupId => $group }, [map {"desk in the group $said $_"} 1 .. 3]);
    $tab->do(say => { receiverId => $ann->id }, [map {"tab $said $_"} 1 .. 4]);
    $tab->do(say => { groupId => $group }, [map {"tab in the group $said $_"} 1 .. 2]);
};

# What is in the database is what everybody shows, in its order.
my $same = sub {
    return if grep { $_->do('left') } @devices;
    my %stored;
    push @{ $stored{ $_->[0] } }, [$_->[1] + 0, $_->[2]] for $im->sql('select conversation_id, seq, content from im.message order by 1, 2');
    my $wanted = encode_json(\%stored);
    return !grep { encode_json($_->do('shown')) ne $wanted } @devices;
};

my $parts = $im->parts;
my %kill  = (
    'the socket program' => sub { $im->kills('socket'); kill KILL => $parts->pids('socket', 'socket') },
    'the push instance'  => sub { $im->kills('push'); $parts->sv('push', 'restart') },
    'the message program and a connection' => sub { $im->kills('message'); kill KILL => $parts->pids('message', 'message'); $phone->do('cut') },
);
for my $what (sort keys %kill) {
    $round->();
    $kill{$what}->();
    $round->();
    ok $im->eventually(90, $same), "$what killed: all show the same, in order" or last;
}
is $im->sql(q{select count(*) from im.message where content ~ '[0-9]$'}), 15 * $said, 'nothing that was said is missing, or there twice';

subtest 'what is told besides' => sub {
    my $heard = sub ($device, $event, $name) { grep { $_->[0] eq $event && ($_->[1]{event} // '') eq $name } @{ $device->do('events') } };
    my $id = $im->sql("select max(id) from im.message where content like 'tab 1 %'");
    is $tab->do(call => 'DELETE', '/message/private/recall/{id}', { id => $id + 0 })->{code}, 200, 'a message is taken back';
    ok $im->eventually(30, sub { $heard->($desk, 'recall', 'RECALL') }), 'on every device';
    $phone->do(call => 'PUT', '/message/private/readed', { friendId => $bob->id });
    ok $im->eventually(30, sub { $heard->($tab, 'read', 'READ') }), 'read';
    $phone->do(call => 'PUT', '/group/modify', { groupId => $group, groupName => 'writers' });
    ok $im->eventually(30, sub { $heard->($tab, 'group', 'MODIFY') }), 'a group';
    $tab->do(say => { receiverId => $ann->id }, ['x' x 5000]);
    ok $im->eventually(30, sub { grep { $_->[0] eq 'refused' && $_->[1]{code} == 400 } @{ $tab->do('events') } }), 'a message that is refused for good';
    is $phone->do(call => 'GET', '/user/find/{userId}', { userId => 1 })->{code}, 1001, 'a refusal is thrown with its code';
};

is $desk->do('logout'), 'stopped', 'logged out everywhere';
ok $im->eventually(30, sub { grep { $_->[0] eq 'kicked' && $_->[1]{reason} eq 'logout' } @{ $phone->do('events') } }), 'the other device is told why';
$tab->do('stop');
is $_->end, 0, 'Node ends well' for $phone, $desk;
is_deeply [grep { !/WebSocket|Failed to load resource/ } @{ $page->errors }], [], 'the console is clean';

$im->allow(qr/could not publish an event|connect\(\) to unix:\S+ failed|upstream prematurely closed|recv\(\) failed/);
$im->end;
done_testing;
