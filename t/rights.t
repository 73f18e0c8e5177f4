# rights: who may do what.  Each endpoint is tried with every token that must not work, then by everybody it is not
# for; what is refused changes nothing.  A route without a row here fails.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use Crypt::JWT qw(decode_jwt encode_jwt);
use IM::Source;
use IM::Stack;
use List::Util qw(uniq);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json true);
use Test::More;
use Time::HiRes qw(time);

my @PROGRAMS = qw(auth user friend group message);

# --- the table: "METHOD path", fields, then who is answered what, in this order.  @name is an id of the scene. ---

# In a living group: owner, manager, member, outsider, former member (left, removed); then the owner in a banned one,
# in a dissolved one and in one that never was.  undef is told below.
my @GROUP = (
    #                                                                    own  man  mem   out   left  rem   ban   diss  none
    ['PUT /group/modify',          { groupName => 'x' },                 200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['GET /group/find/@group',     {},                                   200, 200, 200,  200,  200,  200,  200,  3001, 3001],
    ['GET /group/members/@group',  {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['POST /group/invite',         { memberIds => ['@friend'] },         200, undef, 2001, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/join/@group',    {},                                   3005, 3005, 3005, 200, 200, 403, 3005, 3001, 3001],
    ['PUT /group/muted',           { isMuted => true },                  200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /group/members/muted',   { userId => '@other', isMuted => true }, 200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/setTopMessage/@group', { content => 'x' },             200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/removeTopMessage/@group', {},                        200, 200, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /group/manager/add',    { userId => '@other' },               200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/manager/remove', { userId => '@other' },             200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /group/dnd',             { isDnd => true },                    200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['DELETE /group/members/remove', { memberIds => ['@other'] },        200, undef, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['DELETE /group/quit/@group',  {},                                   3003, 200, 200, 3002, 3002, 3002, 3003, 3001, 3001],
    ['DELETE /group/delete/@group', {},                                  200, 3003, 3003, 3002, 3002, 3002, 3004, 3001, 3001],
    ['POST /message/group/send',   { content => 'x', messageType => 1 }, 200, 200, 200,  3002, 3002, 3002, 3004, 3001, 3001],
    ['PUT /message/group/readed',  {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
    ['GET /message/group/history', {},                                   200, 200, 200,  3002, 3002, 3002, 200,  3001, 3001],
);
my @PLACES = (
    (map { [$_ => '@group'] } qw(owner manager member outsider left removed)),
    [owner => '@banned'], [owner => '@dissolved'], [owner => '@missing'],
);

# Everything else; "who" may be "who > fields that differ".
my @OTHER = (
    ['GET /user/self', {}, owner => 200],
    ['PUT /user/update', { nickName => 'x', id => '@other', userId => '@other' }, owner => 200],
    ['GET /user/search', { name => 'owner' }, outsider => 200],
    ['GET /user/find/@owner', {}, outsider => 200, owner => 200],
    ['GET /user/find/@missing', {}, owner => 1001],

    ['POST /friend/request/apply', { friendId => '@owner' }, owner => 400, friend => 2002, foe => 2003, outsider => 200],
    ['POST /friend/request/apply', { friendId => '@foe' }, owner => 2003],
    ['POST /friend/request/apply', { friendId => '@missing' }, owner => 1001],
    ['POST /friend/request/approve', { requestId => '@pending' }, suitor => 404, outsider => 404, owner => 200, owner => 2004],
    ['POST /friend/request/approve', { requestId => '@missing' }, owner => 404],
    ['POST /friend/request/approve', { requestId => '@blocked' }, owner => 2003],
    ['POST /friend/request/reject', { requestId => '@pending' }, suitor => 404, outsider => 404, owner => 200, owner => 2004],
    ['POST /friend/request/reject', { requestId => '@missing' }, owner => 404],
    ['POST /friend/request/recall', { requestId => '@pending' }, owner => 404, outsider => 404, suitor => 200, suitor => 2004],
    ['POST /friend/request/recall', { requestId => '@missing' }, suitor => 404],
    ['GET /friend/list', {}, outsider => 200],
    ['GET /friend/request/list', {}, outsider => 200],
    ['GET /blacklist/list', {}, outsider => 200],
    ['DELETE /friend/delete/@owner', {}, outsider => 2001, suitor => 2001, owner => 2001, friend => 200, friend => 2001],
    ['DELETE /friend/delete/@missing', {}, owner => 2001],
    ['PUT /friend/remark', { friendId => '@owner', remark => 'x' }, outsider => 2001, suitor => 2001, owner => 2001, friend => 200],
    ['PUT /friend/remark', { friendId => '@missing', remark => 'x' }, owner => 2001],
    ['POST /blacklist/add', { targetId => '@owner' }, owner => 400, foe => 200],
    ['POST /blacklist/add', { targetId => '@missing' }, owner => 1001],
    ['DELETE /blacklist/remove/@foe', {}, outsider => 200, foe => 200],

    ['POST /group/create', { groupName => 'x', memberIds => ['@outsider'] }, owner => 2001],
    ['POST /group/create', { groupName => 'x', memberIds => ['@missing'] }, owner => 2001],
    ['POST /group/create', { groupName => 'x', memberIds => ['@friend', '@enemy'] }, owner => 2003],
    ['POST /group/create', { groupName => 'x', memberIds => ['@friend'] }, owner => 200],
    ['GET /group/list', {}, outsider => 200],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@outsider'] }, owner => 2001],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@enemy'] }, owner => 2003],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@member'] }, owner => 3005],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@removed'] }, owner => 200],
    ['POST /group/invite', { groupId => '@group', memberIds => ['@guest'] }, manager => 200],
    ['POST /group/join/@banned', {}, outsider => 3004],
    ['DELETE /group/members/remove', { groupId => '@group', memberIds => ['@extra'] }, manager => 200],
    (map {
        my ($name, $fields, $list) = @$_;
        my $of = sub ($who) { return { groupId => '@group', %$fields, $list ? (memberIds => [$who]) : (userId => $who) } };
        (   [$name, $of->('@owner'), owner => 3003, manager => 3003, member => 3003],
            [$name, $of->('@outsider'), owner => 3002],
            [$name, $of->('@left'), owner => 3002],
            [$name, $of->('@missing'), owner => 3002],
            [$name, $of->('@manager'), manager => 3003, second => 3003, member => 3003, owner => 200]);
    } ['PUT /group/members/muted', { isMuted => true }], ['DELETE /group/members/remove', {}, 'list'],
        ['DELETE /group/manager/remove', {}], ['POST /group/manager/add', {}]),
    ['DELETE /group/members/remove', { groupId => '@group', memberIds => ['@other', '@owner'] }, manager => 3003],

    ['POST /message/private/send', { receiverId => '@owner', content => 'x', messageType => 1 },
        outsider => 2001, suitor => 2001, enemy => 2003, owner => 2001, friend => 200],
    ['POST /message/private/send', { receiverId => '@missing', content => 'x', messageType => 1 }, owner => 2001],
    ['GET /message/private/pullOfflineMessage', {}, outsider => 200],
    ['GET /message/group/pullOfflineMessage', {}, outsider => 200],
    ['PUT /message/private/readed', { friendId => '@owner' }, outsider => 2001, owner => 2001, friend => 200],
    ['GET /message/private/maxReadedId', { friendId => '@owner' }, outsider => 2001, owner => 2001, friend => 200],
    ['GET /message/private/history', { friendId => '@owner' }, outsider => 2001, owner => 2001, friend => 200],
    ['DELETE /message/private/recall/@letter', {}, friend => 403, outsider => 404, member => 404, owner => 200],
    ['DELETE /message/private/recall/@missing', {}, owner => 404],
    ['DELETE /message/private/recall/@speech', {}, owner => 404, member => 404],
    ['DELETE /message/group/recall/@speech', {}, outsider => 404, left => 404, removed => 404, other => 3003, manager => 200],
    ['DELETE /message/group/recall/@order', {}, manager => 3003, member => 3003, owner => 200],
    ['DELETE /message/group/recall/@letter', {}, owner => 404],
    ['DELETE /message/group/recall/@missing', {}, owner => 404],
    ['GET /message/group/findReadedUsers', { messageId => '@speech' }, outsider => 404, left => 404, removed => 404, member => 200],
    ['GET /message/group/findReadedUsers', { messageId => '@letter' }, owner => 404],
    ['GET /message/group/findReadedUsers', { messageId => '@missing' }, owner => 404],
    ['GET /conversation/list', {}, outsider => 200],
    ['PUT /conversation/set', { conversationId => '@place', isTop => true }, outsider => 404, left => 404, member => 200],
    ['PUT /conversation/set', { conversationId => '@missing', isTop => true }, owner => 404],

    # What these refuse to the one who may call them is told in t/auth.t and t/session.t.
    ['POST /logout', {}, owner => 200],
    ['PUT /modifyPwd', { oldPassword => 'wrong one', newPassword => 'another' }, owner => 1002],
    ['PUT /setTradePwd', { tradePassword => 'another' }, owner => 200],
    ['POST /register', { username => 'owner', password => 'another', nickName => 'x' }, stranger => 1004],
    ['POST /login', { username => 'owner', password => 'another' }, stranger => 1002],
    ['PUT /refreshToken', { refreshToken => 'x.y.z' }, stranger => 401],
    ['GET /captcha', {}, stranger => 200],
);

# --- the scene ---

my $im  = IM::Stack->new;
my $key = path($im->state, 'secret/jwt-key')->slurp =~ s/\s+\z//r;
my (%who, %at);
$im->secret('wrong one');
$who{$_} = $im->user($_) for qw(owner manager second member other friend enemy outsider suitor left removed extra guest foe);
$who{stranger} = $im->stranger;
$at{$_} = $who{$_}->id for grep { $_ ne 'stranger' } keys %who;
$at{missing} = 9_999_999;
$im->befriend(@who{qw(owner manager second member other friend enemy left removed extra)})->befriend(@who{qw(manager guest)});
$im->sql(q{update im.setting set value = '1000000' where name ~ '^login\..*after'});
$who{owner}->post('/blacklist/add', { targetId => $at{$_} })->must for qw(enemy foe);
$at{$_} = made_group() for qw(banned dissolved);
$im->sql("select im.group_ban($at{banned}, 'spam')");
$who{owner}->delete("/group/delete/$at{dissolved}")->must;

# A group of the owner with everybody in his place.
sub made_group () {
    my $group = $im->group(@who{qw(owner manager second member other left removed extra)});
    $who{owner}->post('/group/manager/add', { groupId => $group, userId => $at{$_} })->must for qw(manager second);
    $who{left}->delete("/group/quit/$group")->must;
    $who{owner}->delete('/group/members/remove', { groupId => $group, memberIds => [$at{removed}] })->must;
    return $group;
}

# What one endpoint may destroy is made anew for the next.
my %make = (
    group   => \&made_group,
    place   => sub { $im->sql("select conversation_id from im.chat_group where id = $at{group}") },
    pending => sub {
        $im->sql("delete from im.friend_request where from_id = $at{suitor}; delete from im.friendship where $at{suitor} in (account_id, friend_id);
            select im.pair_refresh($at{suitor}, $at{owner})");
        $who{suitor}->post('/friend/request/apply', { friendId => $at{owner} })->must->{requestId};
    },
    blocked => sub {
        $im->sql("insert into im.friend_request (from_id, to_id, apply_info) values ($at{enemy}, $at{owner}, '') returning id");
    },
    letter => sub { $who{owner}->post('/message/private/send', { receiverId => $at{friend}, content => 'x', messageType => 1 })->must->{id} },
    speech => sub { $who{member}->post('/message/group/send', { groupId => $at{group}, content => 'x', messageType => 1 })->must->{id} },
    order  => sub { $who{owner}->post('/message/group/send', { groupId => $at{group}, content => 'x', messageType => 1 })->must->{id} },
);

sub fill ($value) {
    return { map { ($_ => fill($value->{$_})) } keys %$value } if ref $value eq 'HASH';
    return [map { fill($_) } @$value] if ref $value eq 'ARRAY';
    return $at{$1} + 0 if !ref $value && $value =~ /\A@(\w+)\z/;
    return $value =~ s/@(\w+)/$at{$1}/gr if !ref $value;
    return $value;
}

sub call ($user, $name, $fields) {
    my ($method, $path) = split / /, fill($name);
    $fields = fill($fields);
    return $user->get($path, $fields) if $method eq 'GET';
    return $user->delete($path, %$fields ? $fields : undef) if $method eq 'DELETE';
    return $method eq 'POST' ? $user->post($path, $fields) : $user->put($path, $fields);
}

# --- tokens that open nothing ---

sub forged ($token, $with = $key, %claims) {
    my %all = (%{ decode_jwt(token => $token, key => $key) }, %claims);
    my $text = encode_jwt(payload => { map { ($_ => $all{$_}) } grep { defined $all{$_} } keys %all }, alg => 'HS256', key => $with);
    $im->secret($text);
    return $text;
}

sub spare ($end = undef) {
    state $count = 0;
    my $spare = $im->user('spare' . ++$count);
    my $token = $spare->access;
    $end->($spare) if $end;
    return $token;
}

my $good  = $who{owner}->access;
my ($head, $body, $signature) = split /\./, $good;
my @BAD = (
    ['no token'                    => 401, undef],
    ['an empty header'             => 401, ''],
    ['another scheme'              => 401, "Basic $good"],
    ['no scheme'                   => 401, $good],
    ['two blanks'                  => 401, "Bearer  $good"],
    ['two tokens'                  => 401, "Bearer $good $good"],
    ['what is no token'            => 401, 'Bearer x.y.z'],
    ['a token without signature'   => 401, "Bearer $head.$body."],
    ['algorithm none'              => 401, 'Bearer ' . encode_jwt(payload => decode_jwt(token => $good, key => $key), alg => 'none', allow_none => 1)],
    ['a changed signature'         => 401, "Bearer $head.$body." . reverse $signature],
    ['another key'                 => 401, 'Bearer ' . forged($good, 'k' x 64)],
    ['an expired token'            => 401, 'Bearer ' . forged($good, $key, exp => int(time) - 1)],
    ['a token that never expires'  => 401, 'Bearer ' . forged($good, $key, exp => undef)],
    ['a token of the future'       => 401, 'Bearer ' . forged($good, $key, nbf => int(time) + 600)],
    ['another issuer'              => 401, 'Bearer ' . forged($good, $key, iss => 'im-talk')],
    ['the refresh token'           => 401, 'Bearer ' . $who{owner}->refresh],
    ["an administrator's token"    => 401, 'Bearer ' . $im->admin->access],
    ["a service's token"           => 401, 'Bearer ' . forged($good, $key, aud => 'im-service')],
    ["somebody else's session"     => 401, 'Bearer ' . forged($good, $key, sub => "$at{outsider}")],
    ['nobody'                      => 401, 'Bearer ' . forged($good, $key, sub => '9999999')],
    ['session 0'                   => 401, 'Bearer ' . forged($good, $key, sid => 0)],
    ['a later version'             => 401, 'Bearer ' . forged($good, $key, ver => 2)],
    ['a session logged out'        => 401, 'Bearer ' . spare(sub ($one) { $one->post('/logout')->must })],
    ['an old version'              => 401, 'Bearer ' . spare(sub ($one) { $im->sql('update im.account set version = version + 1 where id = ' . $one->id) })],
    ['a banned account'            => 1003, 'Bearer ' . spare(sub ($one) { $im->sql('select im.account_ban(' . $one->id . ", null, 'spam')") })],
);

# --- the rows ---

sub template ($path) { return $path =~ s/\{\w+\}|@\w+/*/gr }

my @rows = (
    (map {
        my ($name, $fields, @codes) = @$_;
        my $named = $name !~ /\@group/;
        map { my ($one, $place) = @{ $PLACES[$_] };
            [$name =~ s/\@group/$place/r, { %$fields, $named ? (groupId => $place) : () }, $one => $codes[$_]] } grep { defined $codes[$_] } reverse 0 .. $#codes;
    } @GROUP),
    @OTHER,
);
my %rows;
push @{ $rows{ template($_->[0]) } }, $_ for @rows;

my $source = IM::Source->new;
my @routes = map { $source->routes($_) } @PROGRAMS;
my %routes = map { (template("$_->{method} $_->{path}") => $_) } @routes;
is_deeply [sort keys %rows], [sort keys %routes], 'every route has its rows, and nothing else has';

# Everything that a request of the table could change.
my $STATE = join ' union all ', map {"select coalesce(md5(string_agg(x::text, ' ' order by x::text)), '-') from im.$_ x"}
    qw(account friendship friend_request blacklist chat_group member conversation message trade_password reading);
sub state_now () { return join ' ', map { $_->[0] } $im->sql($STATE) }

# Whoever changes something for himself finds nothing of it at the next endpoint.
sub renew ($rows) {
    my $text = encode_json($rows);
    $at{$_} = $make{$_}->() for grep { $text =~ /\@$_\b/ || $_ eq 'group' && $text =~ /\@(?:speech|order|place)\b/ } qw(group place pending blocked letter speech order);
}

for my $name (sort keys %routes) {
    my $route = $routes{$name};
    subtest "$route->{method} $route->{path}" => sub {
        my $rows = $rows{$name} // return fail 'it has no row';
        renew($rows);
        my $before = state_now();
        my ($path, $fields) = @{ $rows->[-1] };
        for (@BAD) {
            my ($title, $code, $header) = @$_;
            my ($method, $url) = split / /, fill($path);
            my $user = $who{owner}->as(access => undef);
            my @body = $method eq 'GET' ? (form => fill($fields)) : (json => fill($fields));
            my $answer = $user->_run($method, $url, { Authorization => $header }, @body);
            if ($route->{who} eq 'ANYONE') { is $answer->code, $rows->[-1][3], "$title does not matter" }
            else                           { $answer->refused($code, $title) }
        }
        my @refused = grep { (grep { $_ eq '200' } @$_[3 .. $#$_]) == 0 } @$rows;
        my @done    = grep { (grep { $_ eq '200' } @$_[3 .. $#$_]) > 0 } @$rows;
        for my $row (@refused, undef, @done) {
            if (!$row) { is state_now(), $before, 'what was refused has changed nothing' if $route->{who} ne 'ANYONE'; next }
            my ($path, $fields, @cases) = @$row;
            while (my ($one, $code) = splice @cases, 0, 2) {
                my $answer = call($who{$one}, $path, $fields);
                my $title  = "$path, $one: $code";
                $code == 200 ? $answer->ok($title) : $answer->refused($code, $title);
            }
        }
        $who{owner}->login->must if $name =~ /logout/;
        $im->befriend(@who{qw(owner friend)}) if $name =~ m{friend/delete};
    };
}

is $im->sql("select count(*) from im.blacklist where account_id = $at{owner} and target_id = $at{foe}"), 1, 'nobody has lifted the block of another';

$im->end;
done_testing;
