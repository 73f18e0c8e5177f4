# tree: one stem per group; every route in its manual, its contract and its SQL, and the reverse; no stranger gets
# in; nothing forbidden; every configuration key documented.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Contract;
use IM::Source;
use IM::Stack;
use Test::More;

my $source    = IM::Source->new;
my @programs  = $source->stems('cgi-bin', '.c');
my %contracts = map { ($_ => IM::Contract->new(service => $_)) } qw(chat backstage redpacket);
my $functions = $source->functions;
my @rows      = map { $source->routes($_) } @programs;

# Every name of the first list is in the second; says which are not.
sub all_in ($some, $all, $title) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %all = map { ($_ => 1) } @$all;
    my @missing = grep { !$all{$_} } sort @$some;
    ok !@missing, $title or diag map {"  missing: $_\n"} @missing;
}

subtest 'one stem per group' => sub {
    my @sql = grep { !/^(core|clerk|word)$/ } $source->stems('sql/api', '.sql');
    all_in \@programs, \@sql, 'a program has its functions in sql/api';
    all_in [map { s/_.*//r } @sql], \@programs, 'and these have a program';
    all_in \@programs, [$source->stems('t', '.t')], 'a program has its story in t';
    all_in [@programs, 'imclerk', 'imctl'], [$source->stems('man', '.8')], 'and its manual page';
    all_in [$source->stems('man', '.8')], [@programs, 'imclerk', 'imctl'], 'a manual page has its program';
    all_in [map {"sql/$_"} map { s/\s+//gr } grep {/\S/} map { s/#.*//r } split /\n/, $source->text('sql/order') =~ s{^sql/}{}gmr],
        [map { $_->to_rel($source->root)->to_string } map { $source->files("sql$_", qr/\.sql\z/) } '', '/schema', '/lib', '/api'], 'sql/order names what exists';
    all_in [map { $_->to_rel($source->root)->to_string } map { $source->files("sql/$_", qr/\.sql\z/) } qw(schema lib api)],
        [map {"sql/$_"} map { s/\s+//gr } grep {/\S/} split /\n/, $source->text('sql/order') =~ s{^sql/}{}gmr], 'and all of it';
};

subtest 'routes' => sub {
    for my $program (@programs) {
        my @own = grep { $_->{program} eq $program } @rows;
        is scalar @own, $source->row_count($program), "every row of $program is understood";
        my $manual = eval { $source->text("man/$program.8") } // '';
        all_in [map { $_->{path} } @own], [grep { index($manual, $_) >= 0 } map { $_->{path} } @own], "its manual names its routes";
    }
};

for my $service (sort keys %contracts) {
    my $operations = $contracts{$service}->operations;
    my %rows = map { ("$_->{method} $_->{path}" => $_) } grep { ($_->{service} // '') eq $service } @rows;
    subtest "the contract of $service" => sub {
        is_deeply [$contracts{$service}->errors], [], 'is OpenAPI 3.0';
        all_in [keys %rows], [keys %$operations], 'declares every route';
        all_in [keys %$operations], [keys %rows], 'and nothing else';
        for my $name (grep { $rows{$_} } sort keys %$operations) {
            my ($row, $operation) = ($rows{$name}, $operations->{$name});
            my $public = $operation->{security} && !@{ $operation->{security} } ? 1 : 0;
            is $public, $row->{who} eq 'ANYONE' ? 1 : 0, "$name: who may call";
            ok $operation->{summary} && $operation->{'x-codes'}, "$name has a summary and its codes";
            same_fields($row, $operation, $name);
            all_in [codes_of($row)], [@{ $operation->{'x-codes'} // [] }, 400, 401, 429, 1003], "$name lists what its function refuses";
        }
    };
}

# The documented fields are those that the call reads, and as optional.  Handlers read some by themselves: then each
# name at least stands in the program.
sub same_fields ($row, $operation, $name) {
    my %documented = documented($contracts{ $row->{service} }, $operation);
    if (!$row->{call} || $row->{handler}) {
        my $text = $source->text("cgi-bin/$row->{program}.c") . $source->text('src/login.c');
        all_in [keys %documented], [grep { $text =~ /\b\Q$_\E\b/ } keys %documented], "$name: its fields are read";
        return;
    }
    my $fields = $source->call($row->{call})->{fields};
    is_deeply [sort keys %documented], [sort keys %$fields], "$name: its fields";
    is_deeply { %documented }, { map { ($_ => $fields->{$_}) } keys %documented }, "$name: which are optional";
}

# name => optional, of body and query.
sub documented ($contract, $operation) {
    my $schema   = $operation->{requestBody}{content}{'application/json'}{schema} // {};
    $schema = $contract->schema->get($schema->{'$ref'} =~ s/^.*#//r) if $schema->{'$ref'};
    my %required = map { ($_ => 1) } @{ $schema->{required} // [] };
    my %names    = map { ($_ => $required{$_} ? 0 : 1) } keys %{ $schema->{properties} // {} };
    for my $parameter (@{ $operation->{parameters} // [] }) {
        my $at = $parameter->{'$ref'} ? $contract->schema->get($parameter->{'$ref'}) // common($parameter->{'$ref'}) : $parameter;
        $names{ $at->{name} } = $at->{required} ? 0 : 1 if $at->{in} eq 'query';
    }
    return %names;
}

sub common ($ref) {
    state $common = YAML::XS::LoadFile($source->root->child('openapi/common.yaml'));
    my ($name) = $ref =~ m{/parameters/(\w+)\z};
    return $common->{components}{parameters}{$name};
}

# What the contract comments of the row's functions say is refused.
sub codes_of ($row) {
    my @names = $row->{call} ? $source->call($row->{call})->{function} : ();
    return map { @{ $functions->{$_}{refuses} // [] } } @names;
}

subtest 'frames' => sub {
    my $schema = $contracts{chat}->schema;
    my %frames = map { ($_->{properties}{type}{enum}[0] => $_) } map { $schema->get($_->{'$ref'} =~ s/^.*#//r) }
        @{ $schema->get('/components/schemas/WsFrame/oneOf') };
    my %rows = map { ($_->{path} => $_) } grep { $_->{method} eq 'WS' } @rows;
    is_deeply [sort keys %frames], [sort keys %rows], 'the contract declares the frames that socket takes';
    for my $type (sort keys %rows) {
        my $data = $frames{$type}{properties}{data};
        $data = $schema->get($data->{'$ref'} =~ s/^.*#//r) if $data->{'$ref'};
        my %documented = documented($contracts{chat}, { requestBody => { content => { 'application/json' => { schema => $data } } } });
        is_deeply \%documented, $source->call($rows{$type}{call})->{fields}, "$type has the fields of its call";
    }
};

subtest 'events' => sub {
    my @declared = sort keys %{ $contracts{chat}->push_schemas };
    my $stories  = join '', map { $source->text('t/' . $_->basename) } $source->files('t', qr/\.t\z/);
    all_in \@declared, [grep { my ($type, $event) = split / /; $event eq $type || $stories =~ /\b$type => [^,]*\b$event\b/ } @declared],
        'a story waits for every event that the contract declares';
    my $sql    = join '', map { $source->text("sql/$_->[0]/" . $_->[1]->basename) } map { my $folder = $_; map { [$folder, $_] } $source->files("sql/$folder", qr/\.sql\z/) } qw(lib api);
    my %events = map { (s/.* //r => 1) } @declared;
    all_in [$sql =~ /'event',\s*'([A-Z_]+)'/g], [keys %events], 'and the contract declares every event of sql/';
};

subtest 'functions' => sub {
    my $grants = $source->grants;
    for my $program (@programs) {
        my @names = map { $_->{function} } $source->calls($program);
        all_in \@names, [keys %$functions], "what $program calls exists";
        all_in [map {"$_ $program"} @names], [keys %$grants], 'and is granted';
    }
    my %called = map { ($_->{function} => 1) } map { $source->calls($_) } @programs;
    my $library  = join '', map { $source->text("src/$_") } map { $_->basename } $source->files('src', qr/\.c\z/);
    my @uncalled = grep { !$called{$_} && $library !~ /\b$_\(/ } sort keys %$functions;
    ok !@uncalled, 'every api function is called' or diag "  not called: @uncalled";
    for my $name (sort keys %$functions) {
        my @missing = grep { $functions->{$name}{comment} !~ /^-- $_:/m } qw(Refuses Writes Tells);
        ok !@missing, "api.$name has its contract" or diag "  missing: @missing";
    }
};

subtest 'codes' => sub {
    my ($table) = $source->text('src/code.c') =~ /codes\[\] = \{(.*?)\n\};/s;
    my @c       = sort $table =~ /\{(\d+),/g;
    my $refusal = YAML::XS::LoadFile($source->root->child('openapi/common.yaml'))->{components}{schemas}{Refusal};
    my @yaml    = sort @{ $refusal->{properties}{code}{enum} };
    my @table   = sort $refusal->{description} =~ /^\| (\d+) \|/gm;
    is_deeply \@table, \@yaml, 'the table of codes is the list of codes';
    all_in [grep { $_ != 200 } @c], \@yaml, 'the contract has the codes of src/code.c';
    all_in [grep { $_ !~ /^50[24]$/ } @yaml], \@c, 'and, but for those of nginx, no others';
};

subtest 'style' => sub {
    my @c = ((map {"src/$_"} map { $_->basename } $source->files('src', qr/\.[ch]\z/)),
        map {"cgi-bin/$_"} map { $_->basename } $source->files('cgi-bin', qr/\.[ch]\z/));
    for my $file (@c) {
        my $text = $source->text($file) =~ s{/\*.*?\*/|"(?:[^"\\]|\\.)*"}{}gsr;
        my @found = $text =~ /\b(strcpy|strcat|sprintf|strtok|atoi|gets|vsprintf|stpcpy)\s*\(/g;
        ok !@found, "$file does no string surgery" or diag "  it has @found";
    }
    for my $file (@c, (map {"t/lib/IM/$_"} map { $_->basename } $source->files('t/lib/IM', qr/\.pm\z/))) {
        my $lines = () = $source->text($file) =~ /\n/g;
        cmp_ok $lines, '<=', 400, "$file is short enough to read";
    }
};

# Once a program serves, whatever it does begins in a callback.  What may end it is called from main() on the way to that.
subtest 'nothing but a signal ends a program that serves' => sub {
    my $functions = $source->c_functions;
    my %ends = map { ($_ => 'exit') } grep { $functions->{$_}{text} =~ /\b(?:abort|_?exit|_Exit|quick_exit|assert|raise)\s*\(/ } keys %$functions;
    my %harmless = map { ($_ => 1) } 'src/abandon.c abandon_request', 'src/config.c config_fault';    # within a guard; in tests
    delete @ends{ keys %harmless };
    for my $again (1 .. keys %$functions) {
        my @new = grep { !$ends{$_} && !$harmless{$_} && !/\*\z/ } keys %$functions;
        @new = grep { grep { $ends{$_} } @{ $functions->{$_}{calls} } } @new or last;
        $ends{$_} = join ', ', grep { $ends{$_} } @{ $functions->{$_}{calls} } for @new;
    }
    my %taken = map { ($_ => 1) } map { @{ $_->{taken} } } values %$functions;
    ok $ends{'src/program.c program_run'} && $ends{'src/imclerk.c main'}, 'before that a program may end itself';
    ok $taken{'src/serve.c call_done'} && $taken{'cgi-bin/auth.c verify'} && $taken{'src/program.c on_readable'}, 'callbacks are known';
    my @wrong = grep { $ends{$_} } sort keys %taken;
    ok !@wrong, 'no callback does' or diag map {"  $_, by $ends{$_}\n"} @wrong;
};

subtest 'configuration' => sub {
    my $read   = $source->keys_read;
    my $manual = $source->text('man/im-chat.conf.5');
    my @keys   = grep { !/\*$/ } sort keys %$read;
    ok @keys > 10, 'there are keys';
    for my $key (@keys) {
        ok $manual =~ /\b\Q$key\E\b/, "$key is in im-chat.conf(5)" or diag '  read by ' . join ' ', sort keys %{ $read->{$key} };
    }
    my %documented = map { ($_ => 1) } $manual =~ /^\.It (?:Ev|Cm|Va|Ic) (IM_[A-Z_]+)/gm;
    all_in [keys %documented], [@keys, grep { my $key = $_; grep { /\*$/ && $key =~ /^\Q@{[s{\*$}{}r]}\E/ } keys %$read } keys %documented],
        'and every key there is read';
};

subtest 'strangers' => sub {
    my $im = IM::Stack->new;
    for my $service (sort keys %contracts) {
        my $stranger = $im->stranger($service);
        for my $name (sort keys %{ $contracts{$service}->operations }) {
            my ($method, $path) = split / /, $name;
            my $operation = $contracts{$service}->operations->{$name};
            if ($operation->{security} && !@{ $operation->{security} }) {
                isnt $stranger->raw($method, $path, '{}')->code, 404, "$name is there for everybody";
                next;
            }
            $stranger->raw($method, $path =~ s/\{\w+\}/1/gr, '{}')->refused(401, "a stranger does not $name");
        }
    }
    for my $path (qw(/socket/handshake /socket/frame /handshake /frame /pub?id=1 /events)) {
        is $im->stranger($_)->ua->get($im->url($_) . $path)->result->code, 404, "nobody reaches $path through $_"
            for qw(chat backstage redpacket);
    }
    is $im->sql(q{select count(*) from information_schema.role_table_grants where grantee like 'im\_%' and grantee <> 'im_owner'}),
        0, 'no program has rights on a table';
    is $im->sql(q{select count(*) from (select proname from pg_proc where pronamespace = 'api'::regnamespace group by 1 having count(*) > 1) x}),
        0, 'no api function has a second form';
    $im->end;
};

done_testing;
