# tree: one stem per group; every route in its manual, its contract and its SQL, and the reverse; every contract comment
# says what its function does; nothing forbidden; every configuration key documented.  It reads files only.  Whatever is
# missing is printed with the file where it belongs, ready to paste.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Contract;
use IM::Fragment qw(lacks);
use IM::Source;
use IM::Sql;
use Mojo::File qw(path);
use Test::More;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);

my $source    = IM::Source->new;
my @programs  = $source->programs;
my %contracts = map { ($_ => IM::Contract->new(service => $_)) } qw(chat backstage redpacket);
my $functions = $source->functions;
my @rows      = map { $source->routes($_) } @programs;
my @declared  = sort keys %{ $contracts{chat}->push_schemas };
my $sql       = IM::Sql->new(source => $source, events => \@declared);
my $fragment  = IM::Fragment->new(source => $source, sql => $sql);

# Every name of the first list is in the second; says which are not, and what to add for each.
sub all_in ($some, $all, $title, $add = sub { }) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %all = map { ($_ => 1) } @$all;
    return lacks $title, map { ["missing: $_", $add->($_)] } grep { !$all{$_} } sort @$some;
}

# The same, both ways: the second list is where a name that only the first has is missing, and the reverse.
sub alike ($some, $all, $title, $add = sub { }) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (%some, %all);
    @some{@$some} = @all{@$all} = ();
    return lacks $title, (map { ["missing: $_", $add->($_)] } grep { !exists $all{$_} } sort @$some),
        map { ["unknown: $_", $add->($_)] } grep { !exists $some{$_} } sort @$all;
}

sub files ($folder, $pattern) { return map { $_->to_rel($source->root)->to_string } $source->files($folder, $pattern) }

subtest 'one stem per group' => sub {
    my @sql  = grep { !/^(core|clerk|word)$/ } $source->stems('sql/api', '.sql');
    my $file = sub ($folder, $ending) { sub ($stem) { $fragment->stem("$folder/$stem$ending") } };
    all_in \@programs, \@sql, 'a program has its functions in sql/api', $file->('sql/api', '.sql');
    all_in [map { s/_.*//r } @sql], \@programs, 'and these have a program', $file->('cgi-bin', '.c');
    all_in \@programs, [$source->stems('t', '.t')], 'a program has its story in t', $file->('t', '.t');
    my ($built) = $source->text('Makefile.am') =~ /^program_PROGRAMS = \\\n((?:\t.*\n)+)/m;
    my @installed = ('imctl', $built =~ m{/(\w+)}g);
    all_in \@installed, [$source->stems('man', '.8')], 'whatever is installed has its manual page', $file->('man', '.8');
    all_in [$source->stems('man', '.8')], \@installed, 'a manual page has its program', $file->('cgi-bin', '.c');

    my @order = map { s/\s+//gr } grep {/\S/} map { s/#.*//r } split /\n/, $source->text('sql/order');
    all_in \@order, [map { files("sql$_", qr/\.sql\z/) } '', '/schema', '/lib', '/api'], 'sql/order names what exists', sub ($name) { $fragment->stem($name) };
    all_in [map { files("sql/$_", qr/\.sql\z/) } qw(schema lib api)], \@order, 'and all of it', sub ($name) { $fragment->order($name) };

    my $make  = $source->text('Makefile.am');
    my ($pages) = $make =~ /^dist_man_MANS = \\\n((?:\t.*\n)+)/m;
    my $page = sub ($name) { ('dist_man_MANS of Makefile.am', "\t$name \\") };
    alike [$pages =~ m{^\t(\S+)}gm], [grep { !m{/im-(?:codes|chat-protocol)\.7\z} } files('man', qr/\.[578]\z/)], 'make installs every manual page', $page;
    my @paths   = $source->program_paths;
    alike [$built =~ m{^\t(\S+)}gm], \@paths, 'make builds what the file programs lists, and nothing else',
        sub ($path) { ('program_PROGRAMS of Makefile.am, or programs', "\t$path \\") };
    alike [grep { $source->text("$_.c") =~ /^int main\(/m } map {s/\.c\z//r} $source->c_files], \@paths, 'which has whatever has a main()',
        sub ($path) { ('programs', "NAME  $path  im_NAME  1  jwt-key-user") };
    all_in \@programs, [$source->text('nginx.conf') =~ /\bfastcgi_pass (\w+);/g], 'nginx passes requests to it', sub ($name) { $fragment->location($name) };
};

subtest 'routes' => sub {
    for my $program (@programs) {
        my %own = map { ("$_->{method} $_->{path}" => $_) } grep { $_->{program} eq $program } @rows;
        is scalar keys %own, $source->row_count($program), "every row of $program is understood";
        all_in [keys %own], [grep { defined $source->item($program, $_) } keys %own], 'its manual has an item of each', sub ($name) { $fragment->item($own{$name}) };
    }
};

for my $service (sort keys %contracts) {
    my $operations = $contracts{$service}->operations;
    my %rows = map { ("$_->{method} $_->{path}" => $_) } grep { ($_->{service} // '') eq $service } @rows;
    subtest "the contract of $service" => sub {
        is_deeply [$contracts{$service}->errors], [], 'is OpenAPI 3.0';
        all_in [keys %rows], [keys %$operations], 'declares every route', sub ($name) { $fragment->operation($rows{$name}) };
        all_in [keys %$operations], [keys %rows], 'and nothing else',
            sub ($name) { $fragment->row($name, $operations->{$name}, { documented($contracts{$service}, $operations->{$name}) }) };
        for my $name (grep { $rows{$_} } sort keys %$operations) {
            my ($row, $operation) = ($rows{$name}, $operations->{$name});
            my $public = $operation->{security} && !@{ $operation->{security} } ? 1 : 0;
            is $public, $row->{who} eq 'ANYONE' ? 1 : 0, "$name: who may call";
            lacks "$name has a summary and its codes", $operation->{summary} && $operation->{'x-codes'} ? () : ["of $name", $fragment->operation($row)];
            same_fields($row, $operation, $name);
            same_permission($row, $operation, $name) if $row->{who} eq 'ADMIN';
            same_codes($row, $operation, $name);
            same_answer($contracts{$service}, $row, $operation, $name);
        }
    };
}

# The documented fields are those that the call reads, and as optional.  Handlers read some by themselves: then each
# name at least stands in the program.
sub same_fields ($row, $operation, $name) {
    my %documented = documented($contracts{ $row->{service} }, $operation);
    if (!$row->{call} || $row->{handler}) {
        my $text = $source->program_text($row->{program});
        return all_in [keys %documented], [grep { $text =~ /\b\Q$_\E\b/ } keys %documented], "$name: its fields are read";
    }
    my $fields = $source->call($row->{call})->{fields};
    my $texts  = sub ($all) { [map { $_ . ($all->{$_} ? ', optional' : '') } sort keys %$all] };
    alike $texts->($fields), $texts->(\%documented), "$name: its fields, and which are optional", sub ($field) { $fragment->operation($row) };
}

# The permission that the function asks for stands in the contract and in the manual's item.  Of a handler that makes its
# call by itself those two say the same.
sub same_permission ($row, $operation, $name) {
    my $documented = $operation->{'x-permission'} // 'none';
    my ($told)     = ($source->item($row->{program}, $name) // '') =~ /^Permission (\w+\.\w+)\.$/m;
    is $told // 'none', $documented, "$name: the manual tells its permission";
    is $source->permission($row) // 'none', $documented, "$name: its function asks for it" if $row->{call} && !$row->{handler};
}

# name => optional, of body and query.
sub documented ($contract, $operation) {
    my $schema   = $contract->resolved($operation->{requestBody}{content}{'application/json'}{schema} // {});
    my %required = map { ($_ => 1) } @{ $schema->{required} // [] };
    my %names    = map { ($_ => $required{$_} ? 0 : 1) } keys %{ $contract->fields($schema) };
    for my $parameter (map { $contract->resolved($_) } @{ $operation->{parameters} // [] }) {
        $names{ $parameter->{name} } = $parameter->{required} ? 0 : 1 if $parameter->{in} eq 'query';
    }
    return %names;
}

# The contract lists what the function says it refuses, and the manual's item what the contract lists.  400 is of every
# endpoint with a field, 403 of every one on the backstage.
sub same_codes ($row, $operation, $name) {
    my @listed = @{ $operation->{'x-codes'} // [] };
    my @codes  = $source->codes($row);
    my %all    = map { ($_ => 1) } @listed, grep { $_ !~ /^(401|429|1003)$/ } @codes;
    all_in \@codes, [@listed, 400, 401, 429, 1003], "$name lists what its function refuses", sub ($code) { $fragment->codes($name, keys %all) };
    my @told = ($source->item($row->{program}, $name) // '') =~ /^\.It (\d+)$/gm;
    alike [grep { !/^40[03]$/ } @listed], [grep { !/^40[03]$/ } @told], "$name: the manual tells the same codes",
        sub ($code) { ("man/$row->{program}.8 or x-codes of openapi/$row->{service}.yaml", ".It $code\nWHEN") };
}

# The fields of the answer: what the function returns, what the contract declares and what the manual names are the
# same.  A shape that the manual has named before is told by that name.
sub same_answer ($contract, $row, $operation, $name) {
    my ($shape, @fields) = $contract->answer($operation);
    my $columns = $row->{call} && !$row->{handler} && $row->{shape} ne 'VALUE' ? $sql->answers($source->call($row->{call})->{function}) : undef;
    my $where   = "openapi/$row->{service}.yaml and $functions->{ $source->call($row->{call})->{function} }{file}" if $columns;
    alike [grep { $row->{shape} ne 'PAGE' || $_ ne 'total' } @$columns], \@fields, "$name: its function returns what the contract declares",
        sub ($field) { ("$where, in one of them", $field) } if $columns;
    my $item = ($source->item($row->{program}, $name) // '') =~ s/\n/ /gr;
    my $add  = sub ($field) { $fragment->answer_of($row, $shape, $columns ? grep { $_ ne 'total' || $row->{shape} ne 'PAGE' } @$columns : @fields) };
    if ($item =~ /Answers (a list of |a page of |)\{(.*?)\}/) {
        my ($told, $list) = ($1, $2);
        return alike ["$shape", @fields], ["$told", $list =~ /(\w+)/g], "$name: the manual tells its answer", $add;
    }
    my $page = $source->page($row->{program});
    all_in \@fields, [grep { $page =~ /\b\Q$_\E\b/ } @fields], "$name: the manual tells its answer", $add;
}

subtest 'frames' => sub {
    my %frames = %{ $contracts{chat}->frame_schemas };
    my %rows = map { ($_->{path} => $_) } grep { $_->{method} eq 'WS' } @rows;
    alike [keys %rows], [keys %frames], 'the contract declares the frames that socket takes', sub ($type) { ('WsFrame of openapi/chat.yaml', $type) };
    for my $type (grep { $frames{$_} } sort keys %rows) {
        my $data       = $contracts{chat}->resolved($frames{$type}{properties}{data}, $contracts{chat}->socket);
        my %documented = map { ($_ => 1) } keys %{ $data->{properties} };
        $documented{$_} = 0 for @{ $data->{required} // [] };
        is_deeply \%documented, $source->call($rows{$type}{call})->{fields}, "$type has the fields of its call";
    }
};

subtest 'events' => sub {
    my $stories = join '', map { $source->text('t/' . $_->basename) } $source->files('t', qr/\.t\z/);
    all_in \@declared, [grep { my ($type, $event) = split / /; $event eq $type || $stories =~ /\b$type => [^,]*\b$event\b/ } @declared],
        'a story waits for every event that the contract declares', sub ($name) { $fragment->expectation(split / /, $name) };

    my %events = map { (s/.* //r => 1) } @declared;
    all_in [map { $source->text($_) =~ /'event',\s*'([A-Z_]+)'/g } map { files("sql/$_", qr/\.sql\z/) } qw(lib api)], [keys %events],
        'the contract declares every event of sql/', sub ($event) { $fragment->event('TYPE', $event) };
    my %pages = $source->frames_told;
    alike \@declared, [map { my $type = $_; map {"$type $_"} @{ $pages{$type} } } sort keys %pages], 'socket(8) lists what the contract declares',
        sub ($name) { ('man/socket.8, Frames of the server', '.It Li ' . $name =~ s/ /\n/r) };
    for my $program (@programs) {
        my ($told) = $source->page($program) =~ /^\.Sh EVENTS\n(.*?)(?=^\.Sh )/ms;
        my %own = map { ($_ => 1) } map { $source->said($functions->{$_}, \@declared) } grep { $functions->{$_} } map { $_->{function} } $source->calls($program);
        all_in [keys %own], [grep { my $event = s/.* //r; ($told // '') =~ /\b$event\b/ } keys %own], "$program(8) tells the events of its functions",
            sub ($name) { $fragment->event_item($program, $name =~ s/.* //r) };
    }
};

subtest 'functions' => sub {
    my $grants = $source->grants;
    for my $program (@programs) {
        my %calls = map { ($source->call($_)->{function} => $_) } $source->call_texts($program);
        all_in [keys %calls], [keys %$functions], "what $program calls exists", sub ($name) { $fragment->function($program, $calls{$name}) };
        my @twins = $source->twins($program);
        all_in \@twins, [keys %$functions], "$program: a twin exists", sub ($name) { ('sql/api', "create function api.$name(...), as src/base/bulk.h says") };
        all_in [map { s/_many\z//r } @twins], [keys %calls], 'of what it calls', sub ($name) { ("cgi-bin/$program.c, many[]", "without $name") };
        all_in [map {"$_ $program"} keys %calls, @twins], [keys %$grants], 'and is granted', sub ($name) { $fragment->grant(split / /, $name) };
    }
    my %called  = map { ($_ => 1) } map { ((map { $_->{function} } $source->calls($_)), $source->twins($_)) } @programs;
    my $library = join '', map { $source->text($_) } $source->c_files;
    lacks 'every api function is called', map { ["nobody calls api.$_", 'a row of a program, or it goes', undef] }
        grep { !$called{$_} && $library !~ /\b$_\(/ } sort keys %$functions;
};

subtest 'contract comments' => sub {
    for my $name (sort keys %$functions) {
        my $function = $functions->{$name};
        my @missing  = grep { !defined $function->{lines}{$_} } qw(Refuses Writes Tells);
        next if !lacks "api.$name has its contract", @missing ? ["it has no @missing", $fragment->comment($name)] : ();
        my @heads = map { $_->{text}, map { $_->{method} eq 'WS' ? "frame $_->{path}" : "$_->{method} $_->{path}" } @{ $_->{rows} } } $source->calls_of($name);
        my @otherwise = grep { index($function->{head}, s/\s+/ /gr) < 0 } @heads;
        my %routes    = map { ("$_->{method} $_->{path}" => 1) } @rows;
        my @unknown   = grep { !$routes{$_} } $function->{head} =~ m{\b((?:GET|PUT|POST|DELETE) /[^\s,]+)}g;
        lacks "api.$name begins with its route and call", @otherwise || @unknown
            ? ["in $function->{file} it says otherwise", 'its first lines', $fragment->heading($name)] : ();
        next if $function->{lines}{Writes} =~ /\bthe jobs\b/;
        my @writes = $sql->writes("api.$name");
        alike \@writes, [grep { $sql->tables->{$_} } $function->{lines}{Writes} =~ /(\w+)/g], "api.$name writes what it says",
            sub ($table) { ("Writes: in $function->{file}; a table that it reaches but never writes stands after \"never\"", '-- Writes: ' . (join(', ', @writes) || 'nothing')) };
        my @tells = $sql->tells("api.$name");
        alike \@tells, [$source->said($function, \@declared, 1)], "api.$name tells what it says",
            sub ($event) { ("Tells: in $function->{file}; an event that it reaches but never tells stands after \"never\"", '-- Tells: WHOM, ' . (join(', ', @tells) || 'nobody')) };
    }
};

subtest 'codes' => sub {
    my %table   = map { my ($code, @texts) = split / \| /; ($code => \@texts) } grep {/^\d/} split /\n/, $source->text('src/base/code.txt');
    my %named   = map { my $of = $_; map { ($_ => $of) } map { @{ $_->{'x-codes'} // [] } } values %{ $contracts{$of}->operations } } sort keys %contracts;
    $named{$_} //= 'sql' for map {s/^0//r} map { $source->text($_) =~ /\bI(\d{4})\b/g } map { files("sql/$_", qr/\.sql\z/) } qw(lib api);
    lacks 'src/base/code.txt has every code', map { ["$_ of $named{$_}", 'src/base/code.txt', "$_ | CHINESE | ENGLISH | 含义与处理 | WHAT IT MEANS, WHAT A CLIENT DOES"] }
        grep { !$table{$_} } sort keys %named;
    is_deeply [grep { @{ $table{$_} } != 4 || grep { !/\S/ } @{ $table{$_} } } sort keys %table], [], 'each with its texts, and what a client does';
    is_deeply $contracts{$_}->schema->get('/components/schemas/Refusal/properties/code/enum'), [sort { $a <=> $b } grep { $_ != 200 } keys %table], "$_ has them all"
        for sort keys %contracts;
};

subtest 'refused handshakes' => sub {
    my ($in_manual) = $source->text('man/socket.8') =~ /^\.It HTTP Ta code Ta$(.*?)^\.El$/ms;
    my @manual      = $in_manual =~ /^\.It (\d+ Ta \d+) Ta/gm;
    my @contract    = map {"$_->[0] Ta $_->[1]"} @{ $contracts{chat}->handshake_refusals };
    is_deeply [map {s/ Ta / /r} @manual], [map {s/ Ta / /r} @contract], 'the manual has those of the contract';
    my ($map)  = $source->text('http.conf') =~ /map \$refused_code \$refused_message \{(.*?)\}/s;
    my %nginx  = $map =~ /(\w+)\s+"([^"]+)";/g;
    my %c      = $source->text('src/base/code.txt') =~ /^(\d+) \| ([^|]+) \|/gm;
    $c{default} = $c{400}, $c{$_} = $c{500} for 502, 504;
    is_deeply { map { ($_ => $nginx{ $_ == 400 ? 'default' : $_ }) } map {s/.* //r} @contract },
        { map { ($_ => $c{$_}) } map {s/.* //r} @contract }, 'and nginx has a text for each of them';
    is_deeply \%nginx, { map { ($_ => $c{$_}) } keys %nginx }, 'all its texts are those of src/base/code.c';
};

subtest 'style' => sub {
    my @all = $source->sources;
    for my $file (grep {/\.[ch]\z/} @all) {
        my $text = $source->text($file) =~ s{/\*.*?\*/|"(?:[^"\\]|\\.)*"}{}gsr;
        my @found = $text =~ /\b(strcpy|strcat|sprintf|strtok|atoi|gets|vsprintf|stpcpy)\s*\(/g;
        lacks "$file does no string surgery", @found ? ["it has @found"] : ();
    }
    for my $file (grep { !/\.t\z/ } @all) {    # a story is read by the subtest
        my $lines = () = $source->text($file) =~ /\n/g;
        cmp_ok $lines, '<=', 400, "$file is short enough to read";
    }
};

# What knows no request stays so: src/base/ includes nothing of src/serve/, and neither anything of the programs.
subtest 'no include goes upwards' => sub {
    my %floors = $source->floors;
    for my $file (map { $source->c_files($_) } qw(.c .h)) {
        my $folder = $file =~ s{/[^/]+\z}{}r;
        my %may    = map { ($_ => 1) } @{ $floors{$folder} };
        my @wrong  = grep { m{/} ? !$may{ (split m{/})[0] } : !-e $source->root->child($folder, $_) } $source->text($file) =~ /^#include "([^"]+)"/gm;
        lacks "$file includes its own folder and those below", @wrong ? ["$file includes @wrong", 'IM::Source, floors', undef] : ();
    }
};

# Once a program serves, whatever it does begins in a callback.  What may end it is called from main() on the way to that.
subtest 'nothing but a signal ends a program that serves' => sub {
    my $functions = $source->c_functions;
    my %ends = map { ($_ => 'exit') } grep { $functions->{$_}{text} =~ /\b(?:abort|_?exit|_Exit|quick_exit|assert|raise)\s*\(/ } keys %$functions;
    my %harmless = map { ($_ => 1) } 'src/base/abandon.c abandon_request', 'src/base/config.c config_fault', 'src/base/task.c task_child';    # within a guard; in tests; in a child
    delete @ends{ keys %harmless };
    for my $again (1 .. keys %$functions) {
        my @new = grep { !$ends{$_} && !$harmless{$_} && !/\*\z/ } keys %$functions;
        @new = grep { grep { $ends{$_} } @{ $functions->{$_}{calls} } } @new or last;
        $ends{$_} = join ', ', grep { $ends{$_} } @{ $functions->{$_}{calls} } for @new;
    }
    my %taken = map { ($_ => 1) } map { @{ $_->{taken} } } values %$functions;
    ok $ends{'src/serve/program.c program_run'} && $ends{'clerk/imclerk.c main'}, 'before that a program may end itself';
    ok $taken{'src/serve/transaction.c call_done'} && $taken{'cgi-bin/auth.c verify'} && $taken{'src/serve/connection.c on_readable'}, 'callbacks are known';
    my @wrong = grep { $ends{$_} } sort keys %taken;
    ok !@wrong, 'no callback does' or diag map {"  $_, by $ends{$_}\n"} @wrong;
};

# A function that can fail says so by what it returns, and whoever calls it looks.  The compiler sees to that for those of a header.
subtest 'what can fail is looked at' => sub {
    my %either    = map { ($_ => 1) } qw(sensitive_star each_part);    # what they change is what is wanted
    my %prototype = map { my $file = $_; map { ("$file: $_" => 1) } grep { !$either{ s/\w+ //r } } $source->text($file) =~ /^(?:static )?(?:inline )?(bool \w+)\(/gm }
        map { files($_, qr/\.h\z/) } qw(src/base src/serve cgi-bin clerk decoder);
    lacks 'a header marks what can fail with MUST_USE', map { ["$_ lacks MUST_USE", (split /: /)[0], undef] } sort keys %prototype;
    my $functions = $source->c_functions;
    my @unheard   = map { my $by = $_; map {"$by does not look at what $_ says"} grep { ($functions->{$_}{result} // '') =~ /\bbool\z/ && !$either{ s/.* //r } } @{ $functions->{$by}{unheard} } }
        sort keys %$functions;
    ok $functions->{'src/base/store.c store_put'}{result} =~ /bool/, 'results are known';
    lacks 'and nobody calls such a function for nothing', map { [$_, (split / /)[0], undef] } @unheard;
    my @foreign = map { my $file = $_; map {["$file does not look at what $_ says", 'loop_add() of src/base/loop.h', undef]} $source->text($file) =~ /^ +(event_add|evtimer_add|bufferevent_enable)\([^=!]*;/gm }
        $source->c_files('.c');
    lacks 'nor of libevent', @foreign;
};

# What the log says of a refusal, and im-codes(7) lists.
subtest 'every refusal has one cause, and no other the same' => sub {
    my @files  = map { files("sql/$_", qr/\.sql\z/) } qw(schema lib api);
    my @raises = map { my $file = $_; map {"$file: $_"} $source->text($file) =~ /^ *(raise sqlstate 'I\d{4}'[^;]*;)/gm } @files;
    ok @raises > 100, 'there are refusals';
    is_deeply [grep { !/ hint = / } @raises], [], 'each raise has its cause as a hint';
    my (%seen, %codes);
    for my $line (split /\n/, scalar `@{[$source->root]}/sql/causes @{[map { $source->root . "/$_" } @files]}`) {
        my ($code, $cause) = split / \| /, $line;
        $seen{$cause}++;
        $codes{$code}++;
    }
    is_deeply [grep { $seen{$_} > 1 } sort keys %seen], [], 'no two have the same';
    my %table = map { ($_ => 1) } $source->text('src/base/code.txt') =~ /^(\d+) \|/gm;
    is_deeply [grep { !$table{$_} } sort keys %codes], [], 'their codes are in the table';
};

subtest 'configuration' => sub {
    my $read   = $source->keys_read;
    my $manual = $source->text('man/im-chat.conf.5');
    my @keys   = grep { !/\*$/ } sort keys %$read;
    ok @keys > 10, 'there are keys';
    all_in \@keys, [grep { $manual =~ /\b\Q$_\E\b/ } @keys], 'each is in im-chat.conf(5)', sub ($key) { $fragment->key($key) };
    my %documented = map { ($_ => 1) } $manual =~ /^\.It (?:Ev|Cm|Va|Ic) (IM_[A-Z_]+)/gm;
    all_in [keys %documented], [@keys, grep { my $key = $_; grep { /\*$/ && $key =~ /^\Q@{[s{\*$}{}r]}\E/ } keys %$read } keys %documented],
        'and every key there is read', sub ($key) { ('man/im-chat.conf.5: nothing reads it, so it goes', undef) };
};

subtest 'settings of the database' => sub {
    my %told;    # name => the page that its row names
    for my $text (map { $source->text($_) } files('sql/schema', qr/\.sql\z/)) {
        my %rows = $text =~ /^  \('([a-z]+\.[a-z_]+)', +'[a-z]+',(.*)/gm;
        $told{$_} = $rows{$_} =~ /'([a-z-]+)\((\d)\)'/ ? "man/$1.$2" : 'manual, a column of its row' for keys %rows;
    }
    ok keys %told > 50, 'there are settings';
    lacks 'each stands in its manual page', map { ["missing: $_", $told{$_}, "(setting\n.Va $_ ) ."] }
        grep { !-f $source->root->child($told{$_}) || $source->text($told{$_}) !~ /\b\Q$_\E\b/ } sort keys %told;
};

subtest 'the environment of the tests' => sub {
    my $readme = $source->text('t/README');
    my @keys   = map { $source->text($_) =~ /\$ENV\{(IM_\w+)\}/g } files('t', qr/\.t\z/), files('t/lib/IM', qr/\.pm\z/), 't/run';
    all_in [keys %{ { map { ($_ => 1) } @keys } }], [$readme =~ /\b(IM_\w+)/g], 't/README has every setting', sub ($key) { ('t/README, The environment', "    $key    WHAT IT DOES") };
};

done_testing;
