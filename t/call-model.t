# call-model: people call each other and their groups at random, a few at once, block and remove each other, vanish and let
# it ring, while programs are killed; after every round a model in one thread has to explain what each was answered, what
# there is, and what every socket heard.  IM_SEED repeats a run's choices; IM_LONG makes it 40 times as long; IM_PLANT=busy,
# told, empty or leak plants a bug and must make this test fail (call-plant.t sees that it does).
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::CallModel;
use IM::Crowd;
use IM::Http;
use IM::Stack;
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(time);

use constant { CIRCLES => 6, PEOPLE => 5, LIMIT => 3, KEPT => 3 };

my $seed   = $ENV{IM_SEED} // int rand 2**31;
my $rounds = $ENV{IM_OPERATIONS} // ($ENV{IM_LONG} ? 1200 : 30);
my %plant  = (
    busy  => 'drop index im.call_party_live_i6001',
    told  => q{create or replace function im.call_tell_all(c im.call, event text, actor bigint, more jsonb default '{}') returns void
        language plpgsql as $$ begin perform im.call_tell(c, array[c.caller_id], event, actor, more); end $$},
    empty => q{create or replace function im.call_people(call uuid) returns bigint[] language plpgsql stable as $$ begin
        return coalesce((select array_agg(p.account_id order by p.account_id) from im.call_party p where p.call_id = call and p.state in ('in', 'out')), '{}'); end $$},
    leak  => q{create or replace function im.call_signal_tell(c im.call, s im.call_signal) returns void language plpgsql as $$ begin
        perform im.tell(array[s.receiver_id, s.sender_id], 'RTC_CALL', im.call_signal_json(c, s)); end $$},
);

# What a complaint says when it is the planted bug that was seen, with which the run may end.
my %seen = (busy => qr/nothing explains/, told => qr/not told: \w+/, empty => qr/nothing explains|no call without people lives/,
    leak => qr/\btold: (?:OFFER|ANSWER|CANDIDATE)/);

my $im    = IM::Stack->new(IM_DB_CONNECTIONS => 4);
my $crowd = IM::Crowd->new(im => $im);
my $http  = IM::Http->new;
my (%count, %killed, @complaints, $number);
srand $seed;
my @circles = circles();
diag "IM_SEED=$seed, $rounds rounds" . ($ENV{IM_PLANT} ? ", planted: $ENV{IM_PLANT}" : '');
if ($ENV{IM_PLANT}) { $im->sql($plant{ $ENV{IM_PLANT} } // die "no such plant\n"); $im->allow(qr/ERROR|error/) }
for my $round (1 .. $rounds) {
    play($round);
    $rounds = $round if $ENV{IM_PLANT} && grep { $_ =~ $seen{ $ENV{IM_PLANT} } } @complaints;
    last if $round == $rounds;
}
ok !@complaints, "after $rounds rounds all is as the model has it"
    or diag join "\n", map {"  $_"} splice(@complaints, 0, 12), @complaints ? 'and ' . @complaints . ' more' : ();
note sprintf '%-28s %d', $_, $count{$_} for sort keys %count;
ok $count{$_}, "there was $_" for $rounds < 30 ? () : ('private setup 200', 'private setup 6001', 'private accept 200', 'group setup 200',
    'webrtc killed', 'push killed', 'clerk killed', 'socket killed'), $rounds < 1000 ? () : ('clerk', 'private offer 200', 'private answer 200',
    'private reject 200', 'group join 200', 'group candidate 200', 'group handup 200', 'group join 3004', 'private accept 2003');
is scalar $im->sql(q{select count(*) from (select account_id from im.call_party where state in ('ringing', 'in') group by 1 having count(*) > 1) x}), 0, 'no account is in two calls';
is scalar $im->sql(q{select count(*) from im.call c where c.ended_at is null
    and not exists (select from im.call_party p where p.call_id = c.id and p.state = 'in')}), 0, 'no call without people lives';
is scalar $im->sql(q{select count(*) from im.call c where c.ended_at is not null and 1 < (select count(*) from im.message m
    where m.conversation_id = c.conversation_id and m.message_type = 8 and m.content::json ->> 'callId' = c.id::text)}), 0, 'none has left two records';
$im->kills(qw(webrtc imclerk socket));
$im->allow(qr/(?:exited on|terminated by) signal 9|\b(?:FATAL|PANIC|ERROR):|could not|failed|PostgreSQL|upstream|worker process|presence stream|multiwatch|Connection refused/);
$im->end;
done_testing;

# People who are all friends, with a group of all of them and a socket each; one has two.  Time passes when we say so.
sub circles {
    $im->sql("update im.setting set value = '@{[LIMIT]}' where name = 'call.people_limit';
        update im.setting set value = '1 hour' where name in ('call.ring', 'call.vanish')");
    my @people = $crowd->people(CIRCLES * PEOPLE);
    my @made   = map { [splice @people, 0, PEOPLE] } 1 .. CIRCLES;
    $crowd->befriend(map { my $all = $_; map { my $one = $_; map { [$all->[$one], $all->[$_]] } $one + 1 .. $#$all } 0 .. $#$all } @made);
    return map {
        my @all   = @$_;
        my $group = $crowd->group(@all);
        my $model = IM::CallModel->new;
        @{ $model->state }{qw(limit member)} = (LIMIT, { map { ($_->id => 1) } @all });
        +{ people => \@all, group => $group, model => $model, by => { map { ($_->id => $_) } @all }, sockets => [map { { who => $_ } } @all, $all[1]] };
    } @made;
}

# --- a round ---

sub play ($round) {
    @circles = grep { !$_->{broken} } @circles or return;
    connect_sockets();
    my $since = $im->sql('select clock_timestamp()');
    prepare($_, $round % 3 == 0) for @circles;
    my %before = %killed;
    my @going  = map { my $circle = $_; $circle->{acts} = [map { act($circle) } 1 .. 1 + int rand 4]; map { launch($circle, $_) } @{ $circle->{acts} } } @circles;
    my $death  = $round % 6 == 1 ? Mojo::IOLoop->timer(rand(0.03) => sub { strike($round) }) : undef;
    $im->together(@going);
    strike($round) if $death && "@{[%killed]}" eq "@{[%before]}";
    calm($round);
    my %hurt = map { ($_ => ($killed{$_} // 0) != ($before{$_} // 0)) } qw(webrtc push clerk socket);
    check($_, $round, $since, \%hurt) for @circles;
}

# What happens before the others act: time passes, somebody vanishes, is removed, or comes again.
sub prepare ($circle, $much) {
    my $s = $circle->{model}->state;
    my @living = grep { !$_->{over} } values %{ $s->{calls} };
    my $group  = $circle->{group};
    my ($owner, @others) = map { $_->id } @{ $circle->{people} };
    if ($s->{closed} && rand() < 0.5) { $s->{closed} = 0; $im->sql("select im.group_unban($group)") }
    my ($gone) = grep { !$s->{member}{$_} } @others;
    if ($gone && !$s->{closed} && !$s->{blocked}{"$owner $gone"} && !$s->{blocked}{"$gone $owner"} && rand() < 0.5) { $s->{member}{$gone} = 1; $im->sql("select api.group_invite($owner, $group, array[$gone])") }
    return if !$much;
    my $call = @living ? $living[rand @living] : undef;
    my $what = int rand 5;
    if ($what == 0 && $call) {
        $call->{aged} = 1;
        $im->sql("update im.call set created_at = created_at - interval '2 hours' where id = '$call->{id}'");
    }
    elsif ($what == 1 && $call) {
        my @in = grep { $call->{party}{$_} eq 'in' } sort keys %{ $call->{party} };
        my $who = $in[rand @in];
        $call->{gone}{$who} = 1;
        $im->sql("update im.call_seen set seen_at = now() - interval '2 hours' where call_id = '$call->{id}' and account_id = $who");
    }
    elsif ($what == 2 && !$gone && !$s->{closed}) {
        my $who = $others[rand @others];
        delete $s->{member}{$who};
        $im->sql("select api.group_members_remove($owner, $group, array[$who])");
    }
    elsif ($what == 3 && !$s->{closed} && rand() < 0.5) { $s->{closed} = 1; $im->sql("select im.group_ban($group, 'loud')") }
}

# What somebody does next: mostly something sensible with a call that there is, sometimes anything.
sub act ($circle) {
    my $s     = $circle->{model}->state;
    my @calls = values %{ $s->{calls} };
    my @alive = sort { $a->{order} <=> $b->{order} } grep { !$_->{over} } @calls;
    my @ids   = map { $_->id } @{ $circle->{people} };
    my $who   = $ids[rand @ids];
    my ($to)  = grep { $_ != $who } map { $ids[rand @ids] } 1 .. 20;
    my %act   = (number => ++$number, who => $who, to => $to, text => "t$number");
    my $wish  = rand;
    return { %act, of => 'private', what => 'setup' } if !@alive && $wish < 0.5 || $wish < 0.15;
    return { %act, of => 'group', what => 'setup' }   if $wish < 0.22;
    if ($wish < 0.27) { return { %act, of => 'chat', what => $s->{blocked}{"$who $to"} ? 'unblock' : 'block' } }
    if (my ($block) = sort keys %{ $s->{blocked} }) {
        my ($one, $other) = split / /, $block;
        return { %act, who => $one, to => $other, of => 'chat', what => 'unblock' } if $wish < 0.4;
    }
    my $call = @alive && rand() < 0.93 ? $alive[rand @alive] : (sort { $a->{order} <=> $b->{order} } @calls)[rand @calls] // return { %act, of => 'private', what => 'setup' };
    my @whats = $call->{group} ? qw(accept join join reject handup offer answer candidate candidate heartbeat)
        : $call->{state} eq 'ringing' ? qw(accept accept accept reject cancel handup heartbeat candidate) : qw(offer offer answer candidate candidate handup heartbeat cancel);
    if (rand() < 0.85) {
        my @in = grep { ($call->{party}{$_} // '') =~ /in/ } @ids;
        my $what = $whats[rand @whats];
        $act{who} = $in[rand @in] if @in && !($call->{group} && $what =~ /accept|join|reject/);
        my @rest = grep { $_ != $act{who} } @in;
        $act{to} = $rest[rand @rest] if @rest;
        return { %act, of => $call->{group} ? 'group' : 'private', what => $what, call => $call->{id} };
    }
    my $of = rand() < 0.8 ? $call->{group} : !$call->{group};
    @whats = grep { !/cancel|join/ } @whats if !!$of != !!$call->{group};
    return { %act, of => $of ? 'group' : 'private', what => $whats[rand @whats], call => $call->{id} };
}

# A promise of its answer, which the act keeps.
sub launch ($circle, $act) {
    my ($of, $what) = @$act{qw(of what)};
    my %body = $of eq 'chat' ? (targetId => $act->{to}) : $what eq 'setup' ? ($of eq 'group' ? (groupId => $circle->{group} + 0) : (friendId => $act->{to} + 0), mode => 1) : (callId => $act->{call});
    if ($what =~ /offer|answer|candidate/) {
        $body{$what} = $act->{text};
        $body{toUserId} = $act->{to} + 0 if $of eq 'group';
    }
    my ($method, $path) = $of eq 'chat' ? ($what eq 'block' ? (POST => '/blacklist/add') : (DELETE => "/blacklist/remove/$act->{to}"))
        : (POST => "/webrtc/$of/" . ($of eq 'private' && $what eq 'candidate' ? 'heartbeat' : $what));
    my $told = sub ($status, $text, @) {
        my $answer = eval { decode_json $text } // {};
        my $code   = $answer->{code} // 'none';
        $act->{code} = $code =~ /\A5\d\d\z/ ? 'none' : $code;
        $act->{made} = $answer->{data}{callId} if $what eq 'setup' && $code eq 200;
        $count{"$of $what $act->{code}"}++;
        return 1;
    };
    my %headers = (Authorization => 'Bearer ' . $circle->{by}{ $act->{who} }->access, 'Content-Type' => 'application/json');
    return $http->ask($method, $im->port('chat'), $path, \%headers, encode_json(\%body))->then($told, sub ($why) { $told->(0, $why) });
}

# --- deaths ---

use constant VICTIMS => ([webrtc => 'webrtc'], [clerk => 'imclerk'], [push => 'nginx'], [webrtc => 'webrtc'], [socket => 'socket']);

sub strike ($round) {
    my ($part, $name) = @{ (VICTIMS)[int($round / 6) % 5] };
    kill KILL => $im->parts->pids($part, $name);
    $killed{$part}++;
    $count{"$part killed"}++;
}

# Until everything that was killed is back, nobody has anything left to do, and all has been told.
sub calm ($round) {
    my $busy = q{select (select count(*) from im.call_gone(null)) + (select count(*) from im.outbox)
        + (select count(*) from im.call c join im.conversation v on v.id = c.conversation_id
            where c.ended_at is null and (v.closed is not null or c.state = 'ringing' and c.created_at < now() - interval '1 hour'))
        + (select count(*) from pg_stat_activity where usename in ('im_webrtc', 'im_friend') and state <> 'idle')
        + (select (count(*) = 0)::integer from pg_stat_activity where usename = 'im_clerk')};
    push @complaints, "round $round: something is left undone" if !$im->eventually(40, sub { $im->sql($busy) == 0 });
    push @complaints, "round $round: webrtc does not come back"
        if !$im->eventually(20, sub { $circles[0]{people}[0]->get('/webrtc/current')->code eq 200 });
}

sub connect_sockets {
    for my $one (map { @{ $_->{sockets} } } @circles) {
        next if $one->{socket} && $one->{socket}->is_open;
        $im->eventually(20, sub { ($one->{socket} = $one->{who}->socket)->is_open }) or die "no socket\n";
    }
}

# What it has heard of calls: it has been told everything once it is told how late it is.
sub heard ($one) {
    my $socket = $one->{socket};
    $im->eventually(20, sub { !$socket->is_open || $socket->send('HEARTBEAT') && $socket->take(HEARTBEAT => 'HEARTBEAT', {}, 3) });
    my @frames = grep { $_->{type} eq 'RTC_CALL' } splice @{ $socket->frames };
    return map { my $d = $_->{data}; "$d->{event} $d->{callId} $d->{fromId} " . ($d->{offer} // $d->{answer} // $d->{candidate} // '') } @frames;
}

# --- what has become of it ---

sub check ($circle, $round, $since, $hurt) {
    my $model = $circle->{model};
    my @found = found($circle, $since);
    for my $act (grep { $_->{what} eq 'setup' && !$_->{made} } @{ $circle->{acts} }) {
        my ($mine) = grep { !$model->state->{calls}{ $_->{id} } && $_->{caller} == $act->{who} && ($act->{of} eq 'group' ? !$_->{callee} : ($_->{callee} // 0) == $act->{to}) } @found;
        ($act->{lost}, $act->{made}) = (1, $mine ? $mine->{id} : "lost $act->{number}");
    }
    my $before  = $model->picture;
    my $picture = join "\n", sort map { $_->{text} } @found;
    $_->{heard} = [heard($_)] for @{ $circle->{sockets} };
    my $fits = sub ($due) { !map { wrong($_, $due, $hurt) } @{ $circle->{sockets} } };     # grep would ask for a number, and get half of it
    return complain($circle, $round, 'nothing explains', $before, $picture, acts($circle)) if !$model->explain($circle->{acts}, $picture, $fits);
    my $due = $model->state->{heard};
    $count{clerk} += grep { $_->[0] eq 'TIMEOUT' } @$due;
    for my $one (@{ $circle->{sockets} }) {
        my @wrong = wrong($one, $due, $hurt) or next;
        push @complaints, join "\n      ", "round $round: @{[$one->{who}->id]} was", @wrong, acts($circle);
    }
    asks($circle, $round);
    $model->forget(KEPT);
}

sub acts ($circle) {
    return map { my $act = $_; join ' ', map { $act->{$_} // '-' } qw(of what who to call text code made) } @{ $circle->{acts} };
}

sub complain ($circle, $round, @what) {
    push @complaints, join "\n      ", "round $round: $what[0]", map { split /\n/ } @what[1 .. $#what];
    $circle->{broken} = 1;      # what comes after would not be explained either
}

# The calls that the database has: those known, those that live and those that are new.
sub found ($circle, $since) {
    my $known = join ',', map {"'$_'"} "@{[keys %{ $circle->{model}->state->{calls} }]}" =~ /\S+/g;
    my $ids   = join ',', keys %{ $circle->{by} };
    my @rows  = $im->sql(<<~SQL);
        select c.id, c.caller_id, coalesce(c.callee_id, 0),
               concat_ws(' ', c.id, c.state, case when c.crossed then 'crossed' end,
                 (select string_agg(p.account_id || ':' || p.state, ' ' order by p.account_id) from im.call_party p where p.call_id = c.id),
                 (select string_agg(format('[%s %s %s %s]', s.sender_id, s.receiver_id, s.kind, coalesce(s.sdp, s.candidate #>> '{}')), ' '
                    order by s.sender_id, s.receiver_id, s.seq) from im.call_signal s where s.call_id = c.id))
          from im.call c
         where c.caller_id in ($ids) and (c.ended_at is null or c.created_at >= '$since' or c.id = any (array[$known]::uuid[]))
        SQL
    return map { +{ id => $_->[0], caller => $_->[1], callee => $_->[2], text => $_->[3] } } @rows;
}

# Whom it concerns has heard it, once unless something was killed, and nobody else has.
sub wrong ($one, $heard, $hurt) {
    my (%due, %got);
    $due{"@$_[0 .. 3]"}++ for grep { $_->[4]{ $one->{who}->id } } @$heard;
    $got{$_}++ for @{ $one->{heard} };
    my $again = $hurt->{webrtc} || $hurt->{push} || $hurt->{clerk} || $hurt->{socket};
    my $away  = $hurt->{push} || !$one->{socket}->is_open;
    return ((map {"not told: $_"} grep { !$away && ($got{$_} // 0) < ($again ? 1 : $due{$_}) } sort keys %due),
        map {"told: $_"} grep { $got{$_} > ($again && $due{$_} ? 99 : $due{$_} // 0) } sort keys %got);
}

# One of them asks, and gets what he was told.
sub asks ($circle, $round) {
    my $who  = $circle->{people}[rand PEOPLE];
    my $me   = $who->id;
    my $s    = $circle->{model}->state;
    my ($in) = grep { !$_->{over} && ($_->{party}{$me} // '') =~ /\A(?:in|ringing)\z/ } values %{ $s->{calls} };
    my $told = $who->get('/webrtc/current')->must // return $in ? complain($circle, $round, "$me is told of no call") : ();
    my $got  = join ' ', $told->{callId}, $told->{state}, (map {"$_->{userId}:$_->{state}"} @{ $told->{parties} }),
        map {"[$_->{fromId} $_->{event} @{[$_->{offer} // $_->{answer} // $_->{candidate}]}]"} @{ $told->{signals} };
    my @ways = !$in ? () : grep { / $me\z/ && $in->{sent}{$_}[0][0] ne 'CANDIDATE' } sort grep { @{ $in->{sent}{$_} } } keys %{ $in->{sent} };
    my $due  = $in ? join ' ', $in->{id}, $in->{state}, (map {"$_:$in->{party}{$_}"} sort { $a <=> $b } keys %{ $in->{party} }),
        map { my ($from) = /(\d+)/; map {"[$from @$_]"} @{ $in->{sent}{$_} } } @ways : 'nothing';
    push @complaints, join "\n      ", "round $round: $me is told", $got, "and not", $due if $got ne $due;
}
