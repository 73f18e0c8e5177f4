package IM::Manual;

# What a manual page (man/PROGRAM.8) says of endpoints, as Markdown.
#
#     my $manual = IM::Manual->new('man/friend.8', …);
#     $manual->item('POST /friend/request/apply');
#     # { text => [paragraph, …], fields => { friendId => 'account to ask', … }, codes => { 2002 => 'friends already', … } }

use v5.36;

sub new ($class, @files) {
    my $self = bless { items => {} }, $class;
    $self->_read($_) for @files;
    return $self;
}

sub item ($self, $name) { return $self->{items}{$name} }

sub _read ($self, $file) {
    open my $in, '<:encoding(UTF-8)', $file or die "could not read $file: $!\n";
    my $text = do { local $/; <$in> };
    while ($text =~ /^\.It Ic ([A-Z]+) Pa (\S+)\n(.*?)(?=^\.It Ic [A-Z]+ Pa|^\.S[hs] )/gms) {
        $self->{items}{"$1 $2"} = _item($3);
    }
}

# Lists of fields begin with .It Va, of codes with .It and a number; what is in a list within is text of its item.
sub _item ($lines) {
    my %item = (text => [''], fields => {}, codes => {});
    my ($depth, $into) = (0, \$item{text}[0]);
    for my $line (split /\n/, $lines) {
        if ($line =~ /^\.Bl /) { $depth++; next }
        if ($line =~ /^\.El/) {
            last if --$depth < 0;
            $into = _paragraph(\%item) if $depth == 0;
            next;
        }
        if ($depth == 1 && $line =~ /^\.It Va (.+)/) { $into = _join(\%item, fields => grep {/\w/} split / /, $1); next }
        if ($depth == 1 && $line =~ /^\.It (\d+)$/) { $into = _join(\%item, codes => $1); next }
        if ($line =~ /^\.Pp/) { $into = _paragraph(\%item) if $depth == 0; next }
        my $said = _said($line =~ s/^\.It /./r);
        $$into .= ($$into eq '' || $$into =~ /\($/ || $said =~ /^[,.;:)]/ ? '' : ' ') . $said;
    }
    $item{text} = [grep {length} map { s/ ?Refuses with( no code of its own\.)?$|; refuses with$//r } @{ $item{text} }];
    return \%item;
}

sub _paragraph ($item) {
    push @{ $item->{text} }, '';
    return \$item->{text}[-1];
}

# Several fields that share a text: the last one's is that of all.
sub _join ($item, $list, @names) {
    my $text = '';
    $item->{$list}{$_} = \$text for @names;
    return \$text;
}

my %QUOTED = map { ($_ => 1) } qw(Va Ic Pa Li Ql Ev Cm Ar Fn Dv Em Sy Fl);

# One line of mdoc.
sub _said ($line) {
    return $line =~ s/\\&//gr if $line !~ s/^\.//;
    my ($said, $quoted, $close, $glue) = ('', 0, '', 1);
    for my $word (map { s/^"|"$|\\&//gr } $line =~ /("[^"]*"|\S+)/g) {
        if ($QUOTED{$word}) { $quoted = 1; next }
        if ($word eq 'No' || $word eq 'Ta') { $quoted = 0; next }
        if ($word eq 'Ns') { $glue = 1; next }
        if ($word eq 'Xr') { $quoted = 2; next }
        if ($word eq 'Pq') { $said .= ($glue ? '' : ' ') . '('; ($close, $glue) = (')', 1); next }
        if ($word =~ /^[,.;:)\]]+$/) { $said .= $word; next }
        if ($quoted == 2 && $word =~ /^\d$/) { $said .= "($word)"; $quoted = 0; next }
        $said .= ($glue ? '' : ' ') . ($quoted == 1 ? "`$word`" : $word);
        $glue = 0;
    }
    return $said . $close;
}

1;
