package IM::Pool;

# The stacks that the stories of one run of the suite share, in the folder that t/run names in IM_POOL.
#
# A story that wants a stack with settings of its own has it for itself: its cluster is the template's, which is kept in the
# build folder until sql/ or imctl changes.  In a run all others take turns: whoever ends leaves the stack running, if all runs
# in it that ran when it was made, and whoever takes it gives it a new database (a copy of im_seed, as it was after the
# deployment), empties its files and reads of its logs only what comes from then on.  So every story begins with the same
# empty server.

use Mojo::Base -base, -signatures;
use Digest::SHA;
use Fcntl qw(:flock);
use Mojo::File qw(curfile path);
use Mojo::JSON qw(decode_json encode_json);

has folder => sub { $ENV{IM_POOL} ? path($ENV{IM_POOL}) : undef };
has root   => sub { curfile->dirname->dirname->dirname->dirname };
has build  => sub ($self) { path($ENV{IM_BUILD_DIR} // $self->root, 't') };    # where the template is

my @KEPT = qw(pg secret deployed admin-password);

# Runs code while no other process does that locks the folder.
sub _alone ($folder, $code) {
    open my $lock, '<', $folder or die "could not lock $folder: $!\n";
    flock $lock, LOCK_EX or die "could not lock $folder: $!\n";
    return $code->();
}

# Unpacks the template into a new stack's state folder; $make->(file) makes it, when sql/ or what deploys it is new.
sub clone ($self, $state, $make) {
    return if !-w $self->build;
    my $file = $self->build->child('stack-' . $self->_version . '.tar');
    _alone($self->build, sub { $make->($file) if !-e $file });
    system('tar', '-C', $state, '-xpf', $file) == 0 or die "could not unpack $file\n";
}

# Of whatever makes the template what it is; files in it belong to users.
sub _version ($self) {
    my $sha = Digest::SHA->new(256)->add(join "\n", $>, reverse sort glob '/usr/lib/postgresql/*/bin/postgres');
    $sha->addfile("$_") for map { -d ? $_->list_tree->each : $_ } map { $self->root->child($_) } qw(sql ctl imctl programs);
    return substr $sha->hexdigest, 0, 16;
}

# Keeps of a stack that is down what its clones need, in the place of what was kept before.
sub keep_template ($self, $state, $file) {
    $self->build->list->grep(qr/stack-\w+\.tar/)->each(sub ($old, $) { $old->remove });
    system('tar', '-C', $state, '-cf', "$file.new", grep { -e path($state, $_) } @KEPT) == 0 or die "could not keep the template\n";
    chmod 0600, "$file.new";    # it has keys
    rename "$file.new", $file or die "could not keep the template: $!\n";
}

# An idle stack that now is the caller's, as {config, condition}, or nothing.
sub take ($self) {
    my $file = _alone($self->folder, sub {
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
