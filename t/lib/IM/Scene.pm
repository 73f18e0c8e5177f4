package IM::Scene;

# The scene of t/rights.t: everybody in his place, what endpoints are about, and tokens that open nothing.
#
# The owner has a group with a manager, a second one, members, somebody who has left and somebody who was removed; a
# friend, an enemy (a friend whom he has blocked), a foe (blocked, no friend), a suitor, an outsider.  The owner, the
# friend and the other have the trade password $TRADE, the owner alone has money.

use Mojo::Base -base, -signatures;
use Crypt::JWT qw(decode_jwt encode_jwt);
use IM::Accounts;
use IM::User;
use Mojo::File qw(path);
use Time::HiRes qw(time);

our $TRADE = 'trade of the rich and of the poor';

my @PEOPLE = qw(manager second member other friend enemy outsider suitor left removed extra guest foe goer prisoner ended banished
    gone raised sentenced);

has 'im';
has who => sub { {} };    # name => client
has at  => sub { {} };    # name => what @name stands for

sub new ($class, @attributes) {
    my $self = $class->SUPER::new(@attributes);
    my ($im, $who, $at) = ($self->im, $self->who, $self->at);
    $im->secret($TRADE);
    $self->_people;
    $im->sql(q{update im.setting set value = '1 hour' where name in ('call.ring', 'call.vanish');
        update im.setting set value = '1000000' where name ~ '^login\..*after' or name ~ '(pending|owned_limit)'});
    $who->{$_}->put('/setTradePwd', { tradePassword => $TRADE })->must for qw(owner friend other);
    $im->fund($who->{owner}, 1000);
    $who->{owner}->post('/blacklist/add', { targetId => $at->{$_} })->must for qw(enemy foe);
    $at->{$_} = $self->group for qw(banned dissolved);
    $im->sql("select im.group_ban($at->{banned}, 'spam')");
    $who->{owner}->delete("/group/delete/$at->{dissolved}")->must;
    $im->sql("select im.account_ban($at->{prisoner}, null, 'spam')");
    $self->_administrators;
    $self->_services;
    return $self;
}

# The owner has logged in; the others need no password.
sub _people ($self) {
    my ($im, $who, $at) = ($self->im, $self->who, $self->at);
    my $accounts = IM::Accounts->new(im => $im);
    my @made     = $accounts->make('person', scalar @PEOPLE);
    $who->{owner} = $im->user('owner');
    for my $name (@PEOPLE) {
        my $one = shift @made;
        $who->{$name} = IM::User->new(im => $im, name => $one->{name}, id => $one->{id}, access => $one->{token});
    }
    $at->{$_} = $who->{$_}->id for keys %$who;
    $accounts->befriend((map { [$at->{owner}, $at->{$_}] } qw(manager second member other friend enemy left removed extra)),
        [@$at{qw(manager guest)}]);
    $who->{stranger} = $im->stranger;
    @$at{qw(missing nothing address trade)} = (9_999_999, '00000000-0000-4000-8000-000000000000', '0x' . 'a1' x 20, $TRADE);
}

# One of each role, and one who is disabled.
sub _administrators ($self) {
    my $admin = $self->im->admin->access;
    for my $name (qw(super moderator finance auditor leaver leaver2 disabled expelled)) {
        my $role = $name =~ /\A(?:super|moderator|finance|auditor)\z/ ? $name : 'super';
        my $id   = $self->at->{$name} = $self->im->sql("select im.admin_create('rights-$name', 'no password', '$role')");
        $self->who->{$name} = $self->im->stranger('backstage')->as(access => $self->forged($admin, sub => "$id", sid => $self->visit($id)));
    }
    $self->im->sql(qq{update im.admin set disabled_at = now() where name = 'rights-disabled';
        update im.admin_session set ended_at = now() where admin_id = $self->{at}{expelled}});
}

# A session of an administrator.
sub visit ($self, $admin) { return $self->im->sql("insert into im.admin_session (admin_id) values ($admin) returning id") + 0 }

# A service, and one whose tokens were revoked.
sub _services ($self) {
    for my $name (qw(shop shut)) {
        my ($service) = $self->im->sql("select id, version from im.service_open('$name')");
        $self->who->{$name} = $self->im->stranger('redpacket')->as(access => $self->forged($self->who->{owner}->access,
            aud => 'im-service', sub => $service->[0], ver => $service->[1] + 0, sid => 0, gen => 0));
    }
    $self->im->sql(q{select im.service_close('shut')});
}

# A group of the owner with everybody in his place.
sub group ($self) {
    my ($who, $at) = ($self->who, $self->at);
    my $group = $self->im->group(@$who{qw(owner manager second member other left removed extra)});
    $who->{owner}->post('/group/manager/add', { groupId => $group, userId => $at->{$_} })->must for qw(manager second);
    $who->{left}->delete("/group/quit/$group")->must;
    $who->{owner}->delete('/group/members/remove', { groupId => $group, memberIds => [$at->{removed}] })->must;
    return $group;
}

# What one endpoint may destroy is made anew for the next: name, how, in what.
sub make ($self) {
    my $at = $self->at;
    return [
        [group    => sub { $self->group }],
        [place    => sub { $self->im->sql("select conversation_id from im.chat_group where id = $at->{group}") }, 'group'],
        [pending  => sub { $self->_pending }],
        [blocked  => sub { $self->im->sql("insert into im.friend_request (from_id, to_id, apply_info) values ($at->{enemy}, $at->{owner}, '') returning id") }],
        [letter   => sub { $self->_said(owner => '/message/private/send', receiverId => $at->{friend}) }],
        [speech   => sub { $self->_said(member => '/message/group/send', groupId => $at->{group}) }, 'group'],
        [order    => sub { $self->_said(owner => '/message/group/send', groupId => $at->{group}) }, 'group'],
        [file     => sub {
            my $url = $self->who->{owner}->upload('x')->must->{url};
            $self->_said(owner => '/message/group/send', groupId => $at->{group}, content => $url, messageType => 3);
            return $url =~ s/.*=//r;
        }, 'group'],
        [private  => sub { $self->who->{owner}->upload('x')->must->{url} =~ s/.*=//r }],
        [packet   => sub { $self->_packet(1, $at->{group}) }, 'group'],
        [present  => sub { $self->_packet(2, $at->{friend}) }],
        [handed   => sub { $self->who->{shop}->post('/red/packet/hand/out', { userId => $at->{owner}, total => 1, count => 1, type => 1 })->must }],
        [user     => sub { (IM::Accounts->new(im => $self->im)->make('patient' . ++$self->{users} . 'n', 1))[0]{id} }],
        [word     => sub { $self->im->sql("insert into im.sensitive_word (word) values ('forbidden " . ++$self->{words} . "') returning id") }],
        [visit    => sub { $self->visit($at->{super}) }],
        [clerk    => sub { $self->im->sql("select im.admin_create('clerk-" . ++$self->{clerks} . "', 'no password', 'auditor')") }],
        [complaint => sub { $self->im->sql("insert into im.complaint (complainer_id, target_type, target_id, reason, target_name, target_image, target_text)
            values ($at->{outsider}, 1, $at->{other}, 'x', 'x', '', '') returning id") }],
        [notice   => sub { $self->im->sql(q{insert into im.notice (kind, title, content, everybody, send_at) values ('NOTICE', 'x', 'x', false, '2099-01-01') returning id}) }],
        [template => sub { $self->im->sql("insert into im.notice_template (name, title, content, admin_id) values ('t@{[++$self->{templates}]}', 'x', 'x', 1) returning id") }],
        [recharge => sub { $self->who->{owner}->post('/user/recharge', { amount => 1, payType => 'alipay' })->must->{id} }],
        [withdraw => sub { $self->_withdrawal }],
        [idle     => sub { $self->_hang_up(keys %{ $self->who }); 0 }],
        [call     => sub { $self->_call(qw(owner friend)) }],
        [talk     => sub { $self->_talk }],
        [meeting  => sub { $self->_meeting }, 'group'],
        [approved => sub { my $id = $self->_withdrawal; $self->im->admin->post('/im/withdraw/approve', { id => $id })->must; $id }],
    ];
}

sub _pending ($self) {
    my $at = $self->at;
    $self->im->sql("delete from im.friend_request where from_id = $at->{suitor}; delete from im.friendship where $at->{suitor} in (account_id, friend_id);
        select im.pair_refresh($at->{suitor}, $at->{owner})");
    return $self->who->{suitor}->post('/friend/request/apply', { friendId => $at->{owner} })->must->{requestId};
}

sub _said ($self, $one, $path, %fields) { return $self->who->{$one}->post($path, { content => 'x', messageType => 1, %fields })->must->{id} }

sub _packet ($self, $type, $receiver) {
    return $self->who->{owner}->post('/redPackage/send', { receiverType => $type, receiverId => $receiver, totalAmount => 1,
        totalCount => 1, redPacketType => 1, tradePassword => $TRADE })->must->{redPacketId};
}

# Nobody of these is in a call.
sub _hang_up ($self, @names) {
    my $ids = join ', ', map { $self->at->{$_} // () } @names;
    $self->im->sql("delete from im.call where id in (select call_id from im.call_party where account_id in ($ids))");
}

sub _call ($self, $one, $other) {
    $self->_hang_up($one, $other);
    return $self->who->{$one}->post('/webrtc/private/setup', { friendId => $self->at->{$other}, mode => 1 })->must->{callId};
}

# One that was accepted, and offered to its callee.
sub _talk ($self) {
    my $call = $self->_call(qw(manager guest));
    $self->who->{guest}->post('/webrtc/private/accept', { callId => $call })->must;
    $self->who->{manager}->post('/webrtc/private/offer', { callId => $call, offer => 'x' })->must;
    return $call;
}

# A group's with two in it, the one offered to by the other.
sub _meeting ($self) {
    $self->_hang_up(qw(member second other));
    my $call = $self->who->{member}->post('/webrtc/group/setup', { groupId => $self->at->{group}, mode => 1 })->must->{callId};
    $self->who->{second}->post('/webrtc/group/join', { callId => $call })->must;
    $self->who->{member}->post('/webrtc/group/offer', { callId => $call, toUserId => $self->at->{second}, offer => 'x' })->must;
    return $call;
}

sub _withdrawal ($self) {
    return $self->who->{owner}->post('/user/withdraw', { amount => 10, toAddress => $self->at->{address}, tradePassword => $TRADE })->must->{id};
}

# --- tokens that open nothing ---

# The keys of all audiences, by their names in tokens; and the one that signed a token.
sub ring ($self) {
    return { map { ("im-$_" => path($self->im->state, "secret/jwt-key-$_")->slurp =~ s/\s+\z//r) } qw(user admin service) };
}

sub key ($self, $token) {
    return (grep { my $key = $_; eval { decode_jwt(token => $token, key => $key, verify_exp => 0); 1 } } values %{ $self->ring })[0];
}

# A token with other claims (undef: without them), signed with our key or another.
sub forged ($self, $token, %claims) {
    my $with = delete $claims{with};
    my %all  = (%{ decode_jwt(token => $token, key => $self->key($token)) }, %claims);
    $with //= $self->ring->{ $all{aud} };
    my $text = encode_jwt(payload => { map { ($_ => $all{$_}) } grep { defined $all{$_} } keys %all }, alg => 'HS256', key => $with);
    $self->im->secret($text);
    return $text;
}

# Made from one that is good: title, code, the header Authorization.
sub spoilt ($self, $good) {
    my ($head, $body, $signature) = split /\./, $good;
    my $unsigned = encode_jwt(payload => decode_jwt(token => $good, key => $self->key($good)), alg => 'none', allow_none => 1);
    return (
        ['no token'                   => 401, undef],
        ['an empty header'            => 401, ''],
        ['another scheme'             => 401, "Basic $good"],
        ['no scheme'                  => 401, $good],
        ['two blanks'                 => 401, "Bearer  $good"],
        ['two tokens'                 => 401, "Bearer $good $good"],
        ['what is no token'           => 401, 'Bearer x.y.z'],
        ['a token without signature'  => 401, "Bearer $head.$body."],
        ['algorithm none'             => 401, "Bearer $unsigned"],
        ['a changed signature'        => 401, "Bearer $head.$body." . reverse $signature],
        ['another key'                => 401, 'Bearer ' . $self->forged($good, with => 'k' x 64)],
        ['an expired token'           => 401, 'Bearer ' . $self->forged($good, exp => int(time) - 1)],
        ['a token that never expires' => 401, 'Bearer ' . $self->forged($good, exp => undef)],
        ['a token of the future'      => 401, 'Bearer ' . $self->forged($good, nbf => int(time) + 600)],
        ['another issuer'             => 401, 'Bearer ' . $self->forged($good, iss => 'im-talk')],
        ['a later version'            => 401, 'Bearer ' . $self->forged($good, ver => 2)],
        ['nobody'                     => 401, 'Bearer ' . $self->forged($good, sub => '9999999')],
    );
}

# service => all of them.  Some open nothing any more: their sessions end here.
sub bad ($self) {
    my ($who, $good, $admin) = ($self->who, $self->who->{owner}->access, $self->im->admin->access);
    $who->{gone}->post('/logout')->must;
    $self->im->sql("update im.account set version = version + 1 where id = @{[$who->{raised}->id]}; select im.account_ban(@{[$who->{sentenced}->id]}, null, 'spam')");
    my @user = (
        $self->spoilt($good),
        ['the refresh token'        => 401, 'Bearer ' . $who->{owner}->refresh],
        ["an administrator's token" => 401, "Bearer $admin"],
        ["somebody else's session"  => 401, 'Bearer ' . $self->forged($good, sub => $who->{outsider}->id . '')],
        ['session 0'                => 401, 'Bearer ' . $self->forged($good, sid => 0)],
        ['a session logged out'     => 401, 'Bearer ' . $who->{gone}->access],
        ['an old version'           => 401, 'Bearer ' . $who->{raised}->access],
        ['a banned account'         => 1003, 'Bearer ' . $who->{sentenced}->access],
    );
    return {
        chat      => [@user, ["a service's token" => 401, 'Bearer ' . $who->{shop}->access]],
        redpacket => [@user, ['a service that is none' => 401, 'Bearer ' . $self->forged($who->{shop}->access, sub => '9999999')]],
        backstage => [
            $self->spoilt($admin),
            ["a user's token"           => 401, "Bearer $good"],
            ["a service's token"        => 401, 'Bearer ' . $who->{shop}->access],
            ['a disabled administrator' => 1003, 'Bearer ' . $who->{disabled}->access],
            ['a session ended'          => 401, 'Bearer ' . $who->{expelled}->access],
            ["somebody else's session"  => 401, 'Bearer ' . $self->forged($admin, sub => "@{[$self->at->{super}]}")],
        ],
    };
}

1;
