package IM::Sql;

# The SQL of the tree as a static walk sees it: which tables a function writes and which events it tells, by itself
# or through whatever it calls.  It knows no conditions: what is reached only when crossing is reached.  Read by
# regular expressions from sql/schema, sql/lib and sql/api, where im.x and api.x are always written out.

use Mojo::Base -base, -signatures;

has 'source';       # an IM::Source
has 'events';       # the declared events, "TYPE EVENT"
has tables    => sub ($self) { return { map { ($_ => 1) } $self->_schema =~ /^create (?:unlogged )?table im\.(\w+)/gm } };
has functions => sub ($self) { return $self->_functions };

# Columns of a composite type.
has types => sub ($self) {
    my $schema = $self->_schema;
    my %types;
    $types{$1} = [_columns($2)] while $schema =~ /^create type im\.(\w+) as \((.*?)\);/gms;
    return \%types;
};

# What a function and everything that it calls writes: names of tables.
sub writes ($self, $name) { return $self->_reach($name, 'writes') }

# And tells: "TYPE EVENT" of what it may say.
sub tells ($self, $name) {
    my %types  = map { ($_ => 1) } $self->_reach($name, 'types');
    my %events = map { ($_ => 1) } $self->_reach($name, 'words');
    return if !$types{tell};
    return grep { my ($type, $event) = split / /; $types{$type} && $events{$event} } sort @{ $self->events };
}

# The columns of an api function's answer; undef when it is no row.
sub answers ($self, $name) {
    my $returns = ($self->functions->{"api.$name"} // return)->{returns};
    return [_columns($1)] if $returns =~ /\Atable \((.*)\)\z/s;
    return $self->types->{$1} if $returns =~ /\A(?:setof )?im\.(\w+)\z/;
    return;
}

# Everything of one kind in reach; triggers of the tables written are in reach too.
sub _reach ($self, $name, $kind) {
    my (%seen, %found);
    my @next = $name;
    while (@next) {
        my $function = $self->functions->{ my $next = shift @next } // next;
        next if $seen{$next}++;
        $found{$_} = 1 for keys %{ $function->{$kind} };
        push @next, keys %{ $function->{calls} }, map { @{ $self->_triggers->{$_} // [] } } keys %{ $function->{writes} };
    }
    return sort keys %found;
}

sub _functions ($self) {
    my %functions;
    for my $folder (qw(schema lib api)) {
        for my $stem ($self->source->stems("sql/$folder", '.sql')) {
            my $text = $self->source->text("sql/$folder/$stem.sql");
            while ($text =~ /^create (?:or replace )?function (im|api)\.(\w+)\(.*?\)\s+returns (table \(.*?\)|[\w. \[\](),]+?)\s+language .*?\$\$(.*?)\$\$;/gms) {
                $functions{"$1.$2"} = { returns => $3, $self->_body($4), file => "sql/$folder/$stem.sql" };
            }
        }
    }
    for my $function (values %functions) {    # execute format('select im.%I()', job)
        next if !$function->{jobs};
        $function->{calls}{$_} = 1 for grep {/^im\.due_/} keys %functions;
    }
    return \%functions;
}

sub _body ($self, $text) {
    $text =~ s/--[^\n]*//g;
    my %writes = map { ($_ => 1) } grep { $self->tables->{$_} }
        $text =~ /\b(?:insert into|update|delete from|truncate) im\.(\w+)\b/g;
    my %calls = map { ($_ => 1) } $text =~ /\b((?:im|api)\.\w+)\s*\(/g;
    my %types = map { ($_ => 1) } $text =~ /'([A-Z]+_[A-Z]+)'/g;
    $types{tell} = 1 if $writes{outbox};
    my %words = map { ($_ => 1) } $text =~ s/(?:=|<>|\bwhen|\bin \()\s*'[A-Z_]+'//gr =~ /'([A-Z_]+)'/g;
    return (writes => \%writes, calls => \%calls, types => \%types, words => \%words, jobs => scalar $text =~ /\bim\.%I\(\)/);
}

has _schema => sub ($self) { join "\n", map { $self->source->text("sql/schema/$_.sql") } $self->source->stems('sql/schema', '.sql') };

has _triggers => sub ($self) {
    my $schema = $self->_schema;
    my %triggers;
    push @{ $triggers{$1} }, $2 while $schema =~ /^create (?:constraint )?trigger \w+ [^;]*? on im\.(\w+)[^;]*?execute function (im\.\w+)/gms;
    return \%triggers;
};

sub _columns ($list) {
    1 while $list =~ s/\([^()]*\)//g;
    return map { /\A\s*"?(\w+)"?\s/ ? $1 : () } split /,/, $list;
}

1;
