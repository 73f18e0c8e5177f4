package IM::Pool;

# The stacks that the stories of one run of the suite share, in the folder that t/run names in IM_POOL.
#
# A story that wants a stack with settings of its own has it for itself: its cluster is a copy of the template's, which the
# run's first story makes.  All others take turns: whoever ends leaves the stack running, if all runs in it that ran when it
# was made, and whoever takes it gives it a new database (a copy of im_seed, as it was after the deployment), empties its
# files and reads of its logs only what comes from then on.  So every story begins with the same empty server.

use Mojo::Base -base, -signatures;
use Fcntl qw(:flock);
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json encode_json);

has folder => sub { $ENV{IM_POOL} ? path($ENV{IM_POOL}) : undef };

my @KEPT = qw(pg secret deployed admin-password);

# Runs code while no other process of the run does.
sub _alone ($self, $code) {
    open my $lock, '>', $self->folder->child('lock') or die "could not lock the pool: $!\n";
    flock $lock, LOCK_EX or die "could not lock the pool: $!\n";
    return $code->();
}

# Copies the template's cluster into a new stack's state folder; $make->(folder) makes it, once.
sub clone ($self, $state, $make) {
    my $template = $self->folder->child('template');
    $self->_alone(sub { $make->($template) if !-e $template->child('pg') });
    system('cp', '-a', (grep {-e} map { $template->child($_) } @KEPT), $state) == 0 or die "could not copy the template\n";
}

# Keeps of a stack that is down what its clones need.
sub keep_template ($self, $state) {
    my $template = $self->folder->child('template')->make_path;
    system('mv', (grep {-e} map { path($state, $_) } reverse @KEPT), $template) == 0 or die "could not keep the template\n";
}

# An idle stack that now is the caller's, as {config, condition}, or nothing.
sub take ($self) {
    my $file = $self->_alone(sub {
        my $idle = $self->folder->child('idle')->list->first // return;
        return $idle->move_to($self->folder->child('busy')->make_path->child($idle->basename));
    });
    return $file && decode_json $file->slurp;
}

sub give ($self, $stack) {
    my $name = path($stack->{config}{IM_STATE_DIR})->basename;
    my $busy = $self->folder->child('busy')->make_path->child($name);
    $busy->open('>')->print(encode_json $stack);
    $busy->move_to($self->folder->child('idle')->make_path->child($name));
}

# The settings of every stack that was given and not taken by a story that ended it.
sub all ($self) {
    return map { (decode_json $_->slurp)->{config} } grep { -d path('/var/tmp', $_->basename) } map { $self->folder->child($_)->list->each } qw(idle busy);
}

# The processes of every part, the connections that the programs have, and the keys: who rotates them leaves the old ones.
sub condition ($self, $im) {
    my $secret = path($im->state, 'secret');
    return { %{ $im->parts->crews }, connections => $self->connections($im), secrets => join ' ', sort map { $_->to_rel($secret) } $secret->list_tree->each };
}

# Whether everything runs that ran at first, also what a story has restarted or killed, and nothing else.
sub is_whole ($self, $im) {
    my $text = sub ($condition) { return join "\n", map {"$_ $condition->{$_}"} sort keys %$condition };
    return $im->eventually(5, sub { $text->($self->condition($im)) eq $text->($im->condition) });
}

# How many connections each program has, and how many are ready for requests.
sub connections ($self, $im) {
    return join ' ', map {"@$_"} $im->sql(q{select usename, count(*), count(*) filter (where state = 'idle') from pg_stat_activity
        where datname = 'im' and usename like 'im\_%' and usename <> 'im_owner' group by usename order by usename});
}

# Notes seconds: "made", a new stack; "taken", one that was there.
sub count ($self, $what, $seconds) {
    $self->folder->child('count')->open('>>')->print(sprintf "%s %.2f\n", $what, $seconds);
}

# "made" or "taken" => [seconds].
sub costs ($self) {
    my %costs;
    push @{ $costs{ $_->[0] } }, $_->[1] for map { [split ' '] } $self->folder && -e $self->folder->child('count') ? split /\n/, $self->folder->child('count')->slurp : ();
    return %costs;
}

1;
