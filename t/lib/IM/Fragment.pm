package IM::Fragment;

# What a red line of t/tree.t or t/rights.t lacks, ready to paste: each method answers where it belongs and the text.
# Words in capitals are left to whoever pastes it.

use Mojo::Base -base, -signatures;
use Exporter 'import';
use IM::Sql;
use Test::More ();

our @EXPORT_OK = qw(lacks);

has 'source';    # an IM::Source
has sql => sub ($self) { IM::Sql->new(source => $self->source) };

# Fails unless the list is empty; says of each what it is and, when there is a fragment, where that goes.
sub lacks ($title, @missing) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::pass($title) if !@missing;
    Test::More::fail($title);
    my $out = Test::More->builder->failure_output;
    for (@missing) {
        my ($what, $where, $text) = @$_;
        Test::More::diag("  $what" . ($where ? "; $where:" : ''));
        print $out $text =~ s/\n*\z/\n/r if defined $text;    # without the # of a comment
    }
    return 0;
}

# The files of a group, each with what it begins with.
sub stem ($self, $file) {
    my ($stem) = $file =~ m{([\w-]+)\.\w+\z};
    my $page = <<~"END" . join '', map { $_->[1] } map { [$self->item($_)] } $self->source->has_routes($stem);
        .Dd MONTH DAY, YEAR
        .Dt @{[uc $stem]} 8
        .Os
        .Sh NAME
        .Nm $stem
        .Nd WHAT IT SERVES
        .Sh SYNOPSIS
        .Nm
        .Sh DESCRIPTION
        .Nm
        serves WHAT.
        .Sh ENDPOINTS
        .Bl -tag -width Ds
        END
    my $story = <<~"END";
        # $stem: WHAT IT IS ABOUT.
        use v5.36;
        use FindBin;
        use lib "\$FindBin::Bin/lib";
        use IM::Stack;
        use Test::More;

        my \$im = IM::Stack->new;
        my (\$ann, \$bob, \$cat) = \$im->users(qw(ann bob cat));

        \$ann->get('/$stem/PATH')->ok('A SENTENCE', { FIELD => 'VALUE' });
        \$bob->get('/$stem/PATH')->refused(403, 'ANOTHER');

        \$im->end;
        done_testing;
        END
    my $program = <<~"END";
        /*
         * $stem: WHAT IT SERVES.  See $stem(8); the rules are in sql/api/$stem.sql.
         */
        #include "serve/program.h"

        static const struct route routes[] = {
            /* method  path  who  shape  call, handler */
            {0},
        };

        int main(int argc, char **argv)
        {
            return program_run(&(struct program){.name = "$stem", .routes = routes}, argc, argv);
        }
        END
    return ("a new file $file", $file =~ /\.8\z/ ? "$page.El\n" : $file =~ /\.t\z/ ? $story : $file =~ /\.c\z/ ? $program : "-- WHAT THE GROUP IS.\n");
}

sub order ($self, $file) { return ('sql/order, after what it needs', $file) }

# A row of the route table, from the contract.
sub row ($self, $name, $operation, $fields) {
    my ($method, $path) = split / /, $name;
    my @words = grep { length && !/^\{/ } split m{/}, $path;
    my $who   = $path =~ m{^/im/} ? 'ADMIN' : $path =~ m{^/red/} ? 'CALLER' : $operation->{security} && !@{ $operation->{security} } ? 'ANYONE' : 'USER';
    my $call  = join ', ', $who eq 'ANYONE' ? () : ':me', (map {":$_"} $path =~ /\{(\w+)\}/g),
        map { $_ . ($fields->{$_} ? '?' : '') } sort keys %$fields;
    return ('a row of cgi-bin/' . ($operation->{tags} // ['PROGRAM'])->[0] . '.c',
        sprintf qq[    {"%s", "%s", %s, %s, "%s(%s)", NULL},], $method, $path, $who, $method eq 'GET' ? 'ONE' : 'NOTHING', join('_', @words), $call);
}

# The fields of a row: [name, optional, in the path].
sub _fields ($self, $row) {
    my $call = $row->{call} ? $self->source->call($row->{call}) : { names => [] };
    return ((map { [$_, 0, 1] } $row->{path} =~ /\{(\w+)\}/g), map { [$_, $call->{fields}{$_}, 0] } @{ $call->{names} });
}

# The manual's item of a route.
sub item ($self, $row) {
    my @fields = $self->_fields($row);
    my ($width) = sort { length $b <=> length $a } map { $_->[0] } @fields;
    my $list = join '', map { ".It Va $_->[0]\n" . ($_->[1] ? 'optional; ' : '') . 'WHAT IT IS' . ($_->[2] ? ", in the path\n" : "\n") } @fields;
    my @codes = $self->source->codes($row);
    return ("man/$row->{program}.8, in the list of ENDPOINTS", join '',
        ".It Ic $row->{method} Pa $row->{path}\nWHAT IT DOES.\n.Pp\n",
        @fields ? ".Bl -tag -width \"$width\" -compact\n$list.El\n.Pp\n" : '',
        $self->answer($row), "\n",
        @codes ? qq{Refuses with\n.Bl -tag -width "0000" -compact\n} . join('', map {".It $_\nWHEN\n"} @codes) . ".El\n" : "Refuses with no code of its own.\n");
}

sub answer ($self, $row) {
    my @fields = grep { $_ ne 'total' || $row->{shape} ne 'PAGE' } @{ ($row->{call} && $self->sql->answers($self->source->call($row->{call})->{function})) || [] };
    my %shape = (NOTHING => 'Answers null.', VALUE => 'Answers WHAT.', ONE => 'Answers {%s}.', LIST => 'Answers a list of {%s}.',
        PAGE => 'Answers a page of {%s}.');
    return $shape{ $row->{shape} } =~ s/%s/join(', ', @fields) || 'FIELD, FIELD'/er;
}

# The same with the fields that the contract has.
sub answer_of ($self, $row, $shape, @fields) {
    return ("man/$row->{program}.8, $row->{method} $row->{path}", "Answers $shape\{" . join(', ', @fields) . '}.');
}

sub location ($self, $program) {
    my @paths = map { $_->{path} } $self->source->has_routes($program);
    my %others = map { ($_ => 1) } map { _folder($_->{path}) } map { $self->source->routes($_) } grep { $_ ne $program } $self->source->programs;
    my %mine = map { ((!$others{ _folder($_) } ? _folder($_) : s/\{.*//r) => 1) } @paths;
    return ('nginx.conf', join '', map {"        location $_ { fastcgi_pass $program; }\n"} sort keys %mine);
}

sub _folder ($path) { return $path =~ s{\A(/[^/]*).*}{$1}r }

my %REF = (id => 'Id', userId => 'Id', friendId => 'Id', groupId => 'Id', targetId => 'Id', amount => 'Money', nickName => 'NickName');

sub _schema ($name) {
    return $REF{$name} ? "{\$ref: 'common.yaml#/components/schemas/$REF{$name}'}" : '{type: TYPE, description: WHAT}';
}

# The contract's operation of a route.
sub operation ($self, $row) {
    my @fields = $self->_fields($row);
    my @path   = grep { $_->[2] } @fields;
    my @own    = grep { !$_->[2] } @fields;
    my $get    = $row->{method} eq 'GET';
    my @parameters = ((map {"        - {name: $_->[0], in: path, required: true, schema: @{[_schema($_->[0])]}}\n"} @path),
        $get ? map {"        - {name: $_->[0], in: query, required: @{[$_->[1] ? 'false' : 'true']}, schema: @{[_schema($_->[0])]}}\n"} @own : ());
    my @required = map { $_->[0] } grep { !$_->[1] } @own;
    my $body = $get || !@own ? '' : join '', "      requestBody:\n        required: true\n        content:\n          application/json:\n",
        "            schema:\n              type: object\n", @required ? '              required: [' . join(', ', @required) . "]\n" : '',
        "              properties:\n", map {"                $_->[0]: @{[_schema($_->[0])]}\n"} @own;
    my %data = (NOTHING => "{\$ref: 'common.yaml#/components/schemas/Nothing'}", LIST => "{type: array, items: {\$ref: '#/components/schemas/NAME'}}");
    my $data = $data{ $row->{shape} } // "{\$ref: '#/components/schemas/NAME'}";
    return ("openapi/$row->{service}.yaml, under paths", join '',
        "  $row->{path}:\n    @{[lc $row->{method}]}:\n      tags: [$row->{program}]\n      summary: SUMMARY\n",
        $row->{who} eq 'ANYONE' ? "      security: []\n" : '', '      x-codes: [' . join(', ', sort { $a <=> $b } @fields ? 400 : (), $self->source->codes($row)) . "]\n",
        @parameters ? ("      parameters:\n", @parameters) : (), $body,
        <<~"END" =~ s/^/      /gmr);
        responses:
          '200':
            description: WHAT
            headers: {X-IM-Code: {\$ref: 'common.yaml#/components/headers/Code'}}
            content:
              application/json:
                schema:
                  oneOf:
                    - \$ref: 'common.yaml#/components/schemas/Refusal'
                    - allOf:
                        - \$ref: 'common.yaml#/components/schemas/Success'
                        - properties: {data: $data}
        END
}

sub codes ($self, $name, @codes) { return ("the operation $name", '      x-codes: [' . join(', ', sort { $a <=> $b } @codes) . ']') }

# The first lines of a contract comment, as the rows have it; in two where it is long.
sub heading ($self, $function) {
    my @heads;
    for my $call ($self->source->calls_of($function)) {
        my @rows = map { $_->{method} eq 'WS' ? "frame $_->{path}" : "$_->{method} $_->{path}" } @{ $call->{rows} };
        my $head = '-- ' . (join(', ', @rows) || 'METHOD /PATH, WHEN');
        push @heads, length "$head  $call->{text}" <= 120 ? "$head  $call->{text}\n" : "$head\n--   $call->{text}\n";
    }
    return join '', @heads ? @heads : "-- (WHO CALLS IT)  $function()\n";
}

sub comment ($self, $function) {
    return ("above it in sql/api", $self->heading($function) . <<~'END');
        -- ONE SENTENCE.
        -- Refuses: nothing
        -- Writes: nothing
        -- Tells: nobody
        END
}

sub line ($self, $file, $title, @names) { return ("its line in $file", "-- $title: " . (join(', ', @names) || ($title eq 'Tells' ? 'nobody' : 'nothing'))) }

# A function of a row's call.
sub function ($self, $program, $call) {
    my ($name, $list) = $call =~ /\A(\w+)\((.*)\)\z/;
    my ($row) = map { @{ $_->{rows} } } grep { $_->{text} eq $call } $self->source->calls_of($name);
    my $rows  = $row && $row->{shape} ne 'NOTHING';
    my @parameters = map { (s/\A:me\z/me bigint/r =~ s/\A:?(\w+)\z/$1 TYPE/r) } map { s/[*!#?]+\z//r =~ s/\|.*//r } split /\s*,\s*/, $list;
    return ("sql/api/$program.sql", ($self->comment($name))[1] . sprintf <<~'END', $name, join(', ', @parameters), $rows ? 'table (FIELD TYPE)' : 'void', $rows ? "  return query\n    select FIELD;\n" : '');
        create function api.%s(%s) returns %s
        language plpgsql security definer set search_path = im, pg_temp as $$
        begin
        %send $$;
        END
}

sub grant ($self, $name, $program) { return ('sql/grant.sql', "grant execute on function api.$name to im_$program;") }

sub event ($self, $type, $event) {
    my $name = 'Ws' . join '', map {ucfirst} split /_/, lc "${type}_$event";
    return ('openapi/chat.yaml, in WsPush.oneOf and in components.schemas', <<~"END" =~ s/^/    /gmr);
            - \$ref: '#/components/schemas/$name'

        $name:
          type: object
          description: WHAT HAS HAPPENED
          required: [type, data]
          additionalProperties: false
          properties:
            type: {type: string, enum: [$type]}
            data:
              type: object
              required: [event]
              additionalProperties: false
              properties:
                event: {type: string, enum: [$event]}
        END
}

sub expectation ($self, $type, $event) {
    return ('the story t/GROUP.t', "\$bob_socket->expect($type => '$event', { FIELD => 'VALUE' }, 'A SENTENCE');");
}

sub event_item ($self, $program, $event) {
    return ("man/$program.8, in the list of EVENTS", ".It Li $event\nTo WHOM:\n.Va FIELD , FIELD .\n");
}

sub key ($self, $key) {
    return ('man/im-chat.conf.5', ".It Ev $key\nWHAT IT SETS, ITS UNIT AND RANGE.\nDefault VALUE.\n");
}

# The rights rows of a route.
sub right ($self, $row) {
    my @fields = $self->_fields($row);
    my $name   = "$row->{method} $row->{path}" =~ s/\{\w+\}/\@THING/gr;
    my $given  = join ', ', map { "$_->[0] => 'VALUE'" } grep { !$_->[2] } @fields;
    my %who = (
        USER   => [OTHER     => 'outsider => 403, owner => 200'],
        ANYONE => [OTHER     => 'stranger => 200'],
        ADMIN  => [BACKSTAGE => '200, 403, 403, 403'],
        CALLER => [SERVICE   => 'friend => 403, shut => 401, owner => 200, shop => 200'],
    );
    my ($table, $cases) = @{ ($row->{service} // 'ws') eq 'ws' ? [FRAMES => 'outsider => 403, member => 200'] : $who{ $row->{who} } };
    return ("\@$table of t/rights.t, who may not before who may", "    ['$name', {" . ($given ? " $given " : '') . "}, $cases],");
}

1;
