package IM::CallModel;

# What calls do, in one thread: the model that rounds of clients who act at once are held against.
#
# A state holds the calls of some people who are all friends and share one group.  Acts of one round may have happened in
# any order; explain() looks for one in which everybody would have been answered what he was, and that leaves what the
# database has.  It tells who must have heard what.  Between the acts the clerk may end what is over.
#
#     {calls => {id => {group, caller, callee, state, crossed, aged, party => {id => state}, gone => {id => 1}, sent}},
#      member => {id => 1}, blocked => {"from to" => 1}, closed => 0, limit => 4, heard => [[event, call, from, text, {id => 1}]]}
#
# sent is {"from to" => [[kind, text], …]} in the order in which it is, or will be, told.

use Mojo::Base -base, -signatures;
use Storable qw(dclone);

has state => sub { { calls => {}, member => {}, blocked => {}, closed => 0, limit => 9, heard => [] } };

# --- one act: the code that it is answered with; the state is changed when that is 200 ---

sub act ($self, $s, $act) {
    my $do = "_$act->{of}_$act->{what}";
    return $self->$do($s, $act, $act->{who});
}

sub _blocked ($s, $one, $other) { return $s->{blocked}{"$one $other"} || $s->{blocked}{"$other $one"} }

sub _living ($s) { return grep { !$_->{over} } values %{ $s->{calls} } }

sub _busy ($s, $who, $but = {}) {
    return grep { $_ != $but && ($_->{party}{$who} // '') =~ /\A(?:in|ringing)\z/ } _living($s);
}

sub _people ($call) { return grep { $call->{party}{$_} eq 'in' } keys %{ $call->{party} } }

# Whom the call concerns: both, or the group as it is now.
sub _all ($s, $call) { return $call->{group} ? keys %{ $s->{member} } : @$call{qw(caller callee)} }

sub _tell ($s, $call, $event, $from, $text, @whom) { push @{ $s->{heard} }, [$event, $call->{id}, $from, $text // '', { map { ($_ => 1) } @whom }] }

sub _make ($s, $act, %call) {
    my $call = $s->{calls}{ $act->{made} } = { id => $act->{made}, state => 'ringing', gone => {}, sent => {}, crossed => 0, order => $act->{number},
        caller => $act->{who}, %call };
    return $call;
}

sub _private_setup ($self, $s, $act, $me) {
    my $friend = $act->{to};
    return 2003 if _blocked($s, $me, $friend);
    my ($ringing) = grep { !$_->{group} && $_->{state} eq 'ringing' && $_->{callee} == $me && $_->{caller} == $friend && !$_->{crossed} } _living($s);
    if ($ringing) {
        return "200 $ringing->{id}" if $act->{made} ne $ringing->{id} && !$act->{lost};
        $ringing->{crossed} = 1;
        _tell($s, $ringing, 'SETUP', $me, '', $friend);
        return 200;
    }
    return 6001 if _busy($s, $me) || _busy($s, $friend);
    return "200 $act->{made}" if $s->{calls}{ $act->{made} };
    my $call = _make($s, $act, callee => $friend, party => { $me => 'in', $friend => 'ringing' });
    _tell($s, $call, 'SETUP', $me, '', $friend);
    return 200;
}

sub _group_setup ($self, $s, $act, $me) {
    return 3002 if !$s->{member}{$me};
    return 3004 if $s->{closed};
    return 6001 if _busy($s, $me) || grep { $_->{group} } _living($s);
    return "200 $act->{made}" if $s->{calls}{ $act->{made} };
    my $call = _make($s, $act, group => 1, party => { $me => 'in' });
    _tell($s, $call, 'SETUP', $me, '', _all($s, $call));
    return 200;
}

# The call of an act, or the code with which it is refused.
sub _find ($s, $act, $me) {
    my $call = $s->{calls}{ $act->{call} };
    return 404 if !$call || !!$call->{group} != ($act->{of} eq 'group') || !grep { $_ == $me } _all($s, $call);
    return $call->{over} ? 6002 : $call;
}

sub _answerable ($call, $me) { return $call->{state} eq 'ringing' && !$call->{aged} && ($call->{crossed} || $me == $call->{callee}) }

sub _private_accept ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return 6002  if !_answerable($call, $me);
    return 2003  if _blocked($s, @$call{qw(caller callee)});
    $call->{state} = 'accepted';
    $call->{gone} = {};
    $_ = 'in' for values %{ $call->{party} };
    _tell($s, $call, 'ACCEPT', $me, '', _all($s, $call));
    return 200;
}

sub _private_reject ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return _answerable($call, $me) ? _end($s, $call, 'rejected', 'REJECT', $me) : 6002;
}

sub _private_cancel ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return $call->{state} eq 'ringing' && ($call->{crossed} || $me == $call->{caller}) ? _end($s, $call, 'cancelled', 'CANCEL', $me) : 6002;
}

sub _private_handup ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return $call->{state} eq 'accepted' ? _end($s, $call, 'ended', 'HANDUP', $me) : 6002;
}

sub _end ($s, $call, $state, $event, $from) {
    @$call{qw(state over sent)} = ($state, 1, {});
    $_ = 'out' for grep {/\A(?:in|ringing)\z/} values %{ $call->{party} };
    _tell($s, $call, $event, $from, '', _all($s, $call));
    return 200;
}

# As the one who does it ends it, or the last one to leave it.
sub _over ($s, $call, $from) {
    return _end($s, $call, $call->{state} eq 'ringing' ? ('cancelled', 'CANCEL') : ('ended', 'HANDUP'), $from);
}

sub _group_accept ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return 3004 if $s->{closed};
    return $call->{aged} || $call->{party}{$me} ? 6002 : _enter($s, $call, $me);
}

sub _group_join ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return $s->{closed} ? 3004 : _enter($s, $call, $me);
}

sub _enter ($s, $call, $me) {
    my @people = _people($call);
    return 6002 if grep { $_ == $me } @people;
    return 6001 if @people >= $s->{limit} || _busy($s, $me, $call);
    $call->{party}{$me} = 'in';
    delete $call->{gone}{$me};
    $call->{state} = 'accepted';
    _tell($s, $call, 'JOIN', $me, '', @people, $me);
    return 200;
}

sub _group_reject ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return 6002  if $call->{aged} || $call->{party}{$me};
    $call->{party}{$me} = 'rejected';
    _tell($s, $call, 'REJECT', $me, '', _people($call), $me);
    return 200;
}

sub _group_handup ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return ($call->{party}{$me} // '') eq 'in' ? _leave($s, $call, $me) : 6002;
}

sub _leave ($s, $call, $who) {
    return _over($s, $call, $who) if !$call->{group};
    $call->{party}{$who} = 'out';
    delete $call->{gone}{$who};
    delete @{ $call->{sent} }{ grep { / $who\z|\A$who / } keys %{ $call->{sent} } };
    my @people = _people($call);
    _tell($s, $call, 'LEAVE', $who, '', @people, $who);
    return @people ? 200 : _over($s, $call, $who);
}

sub _heartbeat ($self, $s, $act, $me) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    return 6002  if ($call->{party}{$me} // '') !~ /\A(?:in|ringing)\z/;
    delete $call->{gone}{$me};
    return 200;
}

# offer, answer and candidate; one that its receiver has no use for yet waits for the first description.
sub _signal ($self, $s, $act, $me, $kind) {
    my $call = _find($s, $act, $me);
    return $call if !ref $call;
    my $to   = $call->{group} ? $act->{to} : $me == $call->{caller} ? $call->{callee} : $call->{caller};
    my $sent = $call->{sent}{"$me $to"} //= [];
    return 6002 if $to == $me || grep { ($call->{party}{$_} // '') ne 'in' } $me, $to;
    return 6002 if $kind eq 'ANSWER' && !grep { $_->[0] eq 'OFFER' } @{ $call->{sent}{"$to $me"} // [] };
    delete $call->{gone}{$me};
    my $described = grep { $_->[0] ne 'CANDIDATE' } @$sent;
    my @told      = [$kind, $act->{text}];
    if ($described || $kind eq 'CANDIDATE') { push @$sent, @told }
    else                                    { @$sent = (@told, @$sent); @told = @$sent }
    if ($described || $kind ne 'CANDIDATE') { _tell($s, $call, $_->[0], $me, $_->[1], $to) for @told }
    return 200;
}

sub _private_offer ($self, @how)     { return $self->_signal(@how, 'OFFER') }
sub _private_answer ($self, @how)    { return $self->_signal(@how, 'ANSWER') }
sub _private_candidate ($self, @how) { return $self->_signal(@how, 'CANDIDATE') }
sub _private_heartbeat ($self, @how) { return $self->_heartbeat(@how) }
sub _group_offer ($self, @how)       { return $self->_signal(@how, 'OFFER') }
sub _group_answer ($self, @how)      { return $self->_signal(@how, 'ANSWER') }
sub _group_candidate ($self, @how)   { return $self->_signal(@how, 'CANDIDATE') }
sub _group_heartbeat ($self, @how)   { return $self->_heartbeat(@how) }

sub _chat_block ($self, $s, $act, $me)   { $s->{blocked}{"$me $act->{to}"} = 1; return 200 }
sub _chat_unblock ($self, $s, $act, $me) { delete $s->{blocked}{"$me $act->{to}"}; return 200 }

# --- what the clerk does ---

# Whether the clerk has to do something about the call.
sub _due ($self, $s, $call) {
    return !$call->{over} && ($call->{state} eq 'ringing' && $call->{aged} || _shut($s, $call) || _gone($s, $call));
}

sub _shut ($s, $call) { return $call->{group} ? $s->{closed} : _blocked($s, @$call{qw(caller callee)}) }

sub _gone ($s, $call) {
    my @gone = sort { $a <=> $b } grep { $call->{party}{$_} eq 'in' && ($call->{gone}{$_} || $call->{group} && !$s->{member}{$_}) } keys %{ $call->{party} };
    return @gone;
}

sub _clerk ($self, $s, $call) {
    return _end($s, $call, 'timeout', 'TIMEOUT', $call->{caller}) if $call->{state} eq 'ringing' && $call->{aged};
    return _over($s, $call, $call->{caller}) if _shut($s, $call);
    for my $who (_gone($s, $call)) {
        _leave($s, $call, $who);
        last if $call->{over};
    }
}

# --- a round ---

# acts: [{of, what, who, to, call, text, code, made}]; code is "none" when nobody knows whether it happened.  found:
# what the database has (picture()).  fits($heard): whether everybody has heard what he should.  The state becomes the one that
# explains all that, or at least the first two: without either it is false.
sub explain ($self, $acts, $found, $fits) {
    my $start = dclone($self->state);
    $start->{heard} = [];
    my ($almost, $end);
    my $accept = sub ($s) { $self->picture($s) eq $found && ($almost //= $s) && $fits->($s->{heard}) };
    $end = $self->_search($start, $accept, @$acts) // $almost // return;
    $self->state($end);
    return 1;
}

sub _search ($self, $s, $accept, @acts) {
    my @due = grep { $self->_due($s, $_) } values %{ $s->{calls} };
    return $s if !@due && !grep({ $_->{code} ne 'none' } @acts) && $accept->($s);
    for my $i (0 .. $#acts) {
        my $next = dclone($s);
        my $code = $self->act($next, $acts[$i]);
        next if $acts[$i]{code} eq 'none' ? $code ne 200 : $code ne $acts[$i]{code};
        my $end = $self->_search($next, $accept, @acts[grep { $_ != $i } 0 .. $#acts]);
        return $end if $end;
    }
    for my $call (@due) {
        my $next = dclone($s);
        $self->_clerk($next, $next->{calls}{ $call->{id} });
        my $end = $self->_search($next, $accept, @acts);
        return $end if $end;
    }
    return;
}

# The calls as one text, to be compared with the database's.
sub picture ($self, $s = $self->state) {
    return join "\n", sort map {
        my $call = $_;
        join ' ', $call->{id}, $call->{state}, $call->{crossed} ? 'crossed' : (), (map {"$_:$call->{party}{$_}"} sort { $a <=> $b } keys %{ $call->{party} }),
            map {
            my $way = $_;
            map {"[$way $_->[0] $_->[1]]"} @{ $call->{sent}{$way} }
            } sort keys %{ $call->{sent} };
    } values %{ $s->{calls} };
}

# What is over and older than the newest few can be forgotten.
sub forget ($self, $keep) {
    my $calls = $self->state->{calls};
    my @over  = sort { $calls->{$a}{order} <=> $calls->{$b}{order} } grep { $calls->{$_}{over} } keys %$calls;
    delete @$calls{ @over[0 .. $#over - $keep] } if @over > $keep;
}

1;
