package IM::Pool;

# The stacks that the stories of one run of the suite share, in the folder that t/run names in IM_POOL.
#
# A story that wants a stack with settings of its own, kills something or calls imctl has it for itself: its cluster is a
# copy of the template's, which the run's first story makes.  All others take turns: whoever ends leaves the stack
# running, and whoever takes it gives it a new database (a copy of im_seed, as it was after the deployment) and reads of
# its logs only what comes from then on.  So every story begins with the same empty server.

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

# Settings of an idle stack that now is the caller's, or nothing.
sub take ($self) {
    my $file = $self->_alone(sub {
        my $idle = $self->folder->child('idle')->list->first // return;
        return $idle->move_to($self->folder->child('busy')->make_path->child($idle->basename));
    });
    return $file && decode_json $file->slurp;
}

sub give ($self, $config) {
    my $name = path($config->{IM_STATE_DIR})->basename;
    my $busy = $self->folder->child('busy')->make_path->child($name);
    $busy->open('>')->print(encode_json $config);
    $busy->move_to($self->folder->child('idle')->make_path->child($name));
}

# The settings of every stack that was given and not taken by a story that ended it.
sub all ($self) {
    return map { decode_json $_->slurp } grep { -d path('/var/tmp', $_->basename) } map { $self->folder->child($_)->list->each } qw(idle busy);
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
