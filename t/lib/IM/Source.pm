package IM::Source;

# The tree as t/tree.t sees it: route tables, api functions with their contract comments, manuals, configuration
# keys, read by regular expressions from the files themselves.

use Mojo::Base -base, -signatures;
use Mojo::File qw(curfile path);
use Mojo::Util qw(decode);

has root => sub { curfile->dirname->dirname->dirname->dirname };

sub files ($self, $folder, $pattern) {
    return path($self->root, $folder)->list->grep($pattern)->sort->each;
}

# The programs that serve routes, and where all are built.
sub programs ($self) { return sort map { m{\Acgi-bin/(.*)} } $self->program_paths }
sub program_paths ($self) { return map { (split)[1] } grep {/^[^#]/} split /\n/, $self->text('programs') }

# The folders of our C, from the bottom: a file includes none of a folder above its own.  Each with those that it may.
sub floors ($self) {
    return ('src/base' => ['base'], 'src/serve' => ['base', 'serve'], 'cgi-bin' => ['base', 'serve'], clerk => ['base'], decoder => ['base']);
}

# Every C file of them, or every other with that ending.
sub c_files ($self, $ending = '.c') {
    my %floors = $self->floors;
    return map { my $folder = $_; map {"$folder/" . $_->basename} $self->files($folder, qr/\Q$ending\E\z/) } sort keys %floors;
}

# File names without folder and ending.
sub stems ($self, $folder, $ending) { return map { $_->basename($ending) } $self->files($folder, qr/\Q$ending\E\z/) }

sub text ($self, $file) {
    my $bytes = path($self->root, $file)->slurp;
    return decode('UTF-8', $bytes) // die "$file is not UTF-8\n";
}

# A program's manual page; nothing when it has none.
sub page ($self, $program) { return -e path($self->root, "man/$program.8") ? $self->text("man/$program.8") : '' }

# The rows of a program's route table: {method, path, who, shape, sheet, call, handler, service}.
sub routes ($self, $program) {
    my $source = $self->text("cgi-bin/$program.c");
    my @rows;
    while ($source =~ /\{"([A-Z]+)",\s*"([^"]+)",\s*(ANYONE|USER|ADMIN|CALLER),\s*(NOTHING|ONE|LIST|PART|VALUE|PAGE|SHEET),\s*
                       (NULL|"[^"]*"(?:\s*"[^"]*")*),\s*(\w+)\}/gx)
    {
        my %row = (method => $1, path => $2, who => $3, shape => $4, call => $5, handler => $6, program => $program);
        $row{shape} = 'LIST' if $row{shape} eq 'PART';    # as much of one as fits into an answer
        $row{sheet} = 1, $row{shape} = 'PAGE' if $row{shape} eq 'SHEET';    # the same, or with format=csv a file
        $row{$_} = undef for grep { $row{$_} eq 'NULL' } qw(call handler);
        $row{call} =~ s/"\s*"|"//g if $row{call};
        push @rows, { %row, service => _service(\%row) };
    }
    return @rows;
}

# A program with the files that it includes.
sub program_text ($self, $program) {
    my @included = map {"src/$_.c"} $self->text("cgi-bin/$program.c") =~ m{^#include "(\w+/\w+)\.h"}gm;
    return join "\n", map { $self->text($_) } $self->_parts($program), grep { -e path($self->root, $_) } @included;
}

# A program's own files.
sub _parts ($self, $program) {
    my $own = "cgi-bin/$program.c";
    return ($own, grep { -e path($self->root, $_) } map {"cgi-bin/$_.c"} $self->text($own) =~ /^#include "(\w+)\.h"/gm);
}

# As many rows as the table has lines that begin with a method: the regular expression has missed none.
sub row_count ($self, $program) { return scalar(() = $self->text("cgi-bin/$program.c") =~ /^\s*\{"[A-Z]+",/gm) }

# Which contract a row belongs to; undef for what only nginx may call.  metrics has none.
sub _service ($row) {
    return 'ws' if $row->{method} eq 'WS';
    return undef if $row->{path} =~ m{^/socket/};
    return 'metrics' if $row->{program} eq 'metrics';
    return 'backstage' if $row->{program} eq 'backstage';
    return $row->{path} =~ m{^/red/} ? 'redpacket' : 'chat';
}

# Every call that a program declares, in rows or for its handlers: {function, fields => {name => optional}, names in
# their order}.
sub calls ($self, $program) { return map { $self->call($_) } $self->call_texts($program) }

sub call_texts ($self, $program) {
    return ((map { $_->{call} // () } $self->routes($program)), $self->_own_texts($program));
}

# Functions of its calls that have a twin (src/base/bulk.h): the twins.
sub twins ($self, $program) {
    my ($list) = $self->text("cgi-bin/$program.c") =~ /\bmany\[\] = \{(.*?)\}/s;
    return map {"${_}_many"} ($list // '') =~ /"(\w+)"/g;
}

# Those that handlers make; long ones are strings one behind the other.
sub _own_texts ($self, $program) {
    return map { s/"\s*"//gr } join('', map { $self->text($_) } $self->_parts($program)) =~ /\.text\s*=\s*"([^"]+(?:"\s*"[^"]+)*)"/g;
}

sub call ($self, $text) {
    my ($function, $list) = $text =~ /\A(\w+)\((.*)\)\z/ or die "not a call: $text\n";
    my (%fields, @names);
    for my $argument (split /\s*,\s*/, $list) {
        next if $argument =~ /^:/;
        my ($names, $optional) = $argument =~ /\A([\w|]+)(?:\[\d+\])?[*!#]?(\?)?\z/ or die "not an argument: $argument\n";
        my ($name) = split /\|/, $names;
        $fields{$name} = $optional ? 1 : 0;
        push @names, $name;
    }
    return { function => $function, fields => \%fields, names => \@names };
}

# Whether there is such a program: its rows.
sub has_routes ($self, $program) { return -e path($self->root, "cgi-bin/$program.c") ? $self->routes($program) : () }

# The calls of a function that programs declare: {text, rows that make it without a handler}.
sub calls_of ($self, $function) {
    my $all = $self->{calls_of} //= $self->_calls_of;
    return map { $all->{$function}{$_} } sort keys %{ $all->{$function} // {} };
}

sub _calls_of ($self) {
    my %all;
    for my $program ($self->programs) {
        for my $row (grep { $_->{call} } $self->routes($program)) {
            my $call = $all{ $self->call($row->{call})->{function} }{ $row->{call} } //= { text => $row->{call}, rows => [] };
            push @{ $call->{rows} }, $row if !$row->{handler};
        }
        $all{ $self->call($_)->{function} }{$_} //= { text => $_, rows => [] } for $self->_own_texts($program);
    }
    return \%all;
}

# The permission that a row's function asks for, undef when it asks for none.
sub permission ($self, $row) {
    my $functions = $self->{functions} //= $self->functions;
    return ($functions->{ $self->call($row->{call})->{function} } // {})->{permission};
}

# What the contract comment of a row's function says is refused.
sub codes ($self, $row) {
    my $functions = $self->{functions} //= $self->functions;
    return $row->{call} ? @{ ($functions->{ $self->call($row->{call})->{function} } // {})->{refuses} // [] } : ();
}

# api functions: name => {file, comment, head, lines => {Refuses, Writes, Tells}, refuses => [codes]}.
sub functions ($self) {
    my %functions;
    for my $stem ($self->stems('sql/api', '.sql')) {
        my $text = $self->text("sql/api/$stem.sql");
        while ($text =~ /((?:^--[^\n]*\n)*)^create function api\.(\w+)/gm) {
            my ($comment, $name) = ($1, $2);
            my $text  = $comment =~ s/^-- ?//gmr;
            my %lines = $text =~ /^(Refuses|Writes|Tells):\s*(.*(?:\n(?! ?\w+:).*\S.*)*)/gm;
            $_ = s/\s+/ /gr for values %lines;
            $functions{$name} = {
                file => "sql/api/$stem.sql", comment => $comment, lines => \%lines, head => $text =~ s/^Refuses:.*//msr =~ s/\s+/ /gr,
                permission => ($lines{Refuses} // '') =~ /\b403 without (\w+\.\w+)/ ? "$1" : undef,
                refuses => [($lines{Refuses} // '') =~ /\b(\d{3,4})\b/g],
            };
        }
    }
    return \%functions;
}

# The events, of those declared, that a function's Tells: line names; with all of them those after "never" too.  A line
# may say that it is as another function's.
sub said ($self, $function, $declared, $all = 0) {
    my $functions = $self->{functions} //= $self->functions;
    my $line = $function->{lines}{Tells} =~ s/\bas (\w+)\b/($functions->{$1} \/\/ { lines => {} })->{lines}{Tells} \/\/ $1/er;
    $line =~ s/\bnever [^);]*//g if !$all;
    return grep { my ($type, $event) = split / /; $line =~ /\b$type\b/ && $line =~ /\b$event\b/ } @$declared;
}

# The manual's item of a route, undef when there is none.
sub item ($self, $program, $name) {
    my ($method, $path) = split / /, $name;
    my ($item) = $self->page($program) =~ /^(\.It Ic $method (?:Ta )?(?:Pa|Li) \Q$path\E(?:\n| Ta ).*?)(?=^\.It Ic |^\.Sh )/ms;
    return $item;
}

# What socket(8) says that the server sends: type => [events].
sub frames_told ($self) {
    my ($list) = $self->text('man/socket.8') =~ /^\.Ss Frames of the server\n(.*?)^\.El/ms;
    return map { my ($type, $text) = /\A(\w+)\n(.*)\z/s; ($type => [$text =~ /\b([A-Z_]{2,})\b/g]) } $list =~ /^\.It Li (\w+\n.*?)(?=^\.It |\z)/gms;
}

# Every file that people read as a program, wherever it lies.
sub sources ($self) {
    my @folders = grep { -d && $_->basename !~ /\A(?:var|build-aux|autom4te\.cache|im-chat-.*|node_modules)\z/ } path($self->root)->list({ dir => 1 })->each;
    return sort map { $_->to_rel($self->root)->to_string } map { $_->list_tree->grep(qr/\.(?:[ch]|p[lmg]|t|sql|sh)\z/)->each } @folders;
}

# "function program" of every execute right.
sub grants ($self) {
    my %grants;
    my $text = $self->text('sql/grant.sql');
    while ($text =~ /grant execute on function api\.(\w+)(?:\([^)]*\))?\s+to ([\w\s,]+);/gi) {
        my ($function, $roles) = ($1, $2);
        $grants{"$function $_"} = 1 for $roles =~ /im_(\w+)/g;
    }
    return \%grants;
}

# The C functions of all programs: "file name" => {text, calls => [...], taken => [...]}: its body, the functions of
# these files that it calls, and those whose address it takes.  "file *" is what stands outside of functions.  A name is
# its own file's, or else the library's.
sub c_functions ($self) {
    my (%body, %rest, %global, %result);
    for my $file ($self->c_files) {
        my $text = $self->text($file) =~ s{/\*.*?\*/|'(?:[^'\\]|\\.)'|"(?:[^"\\]|\\.)*"|^#.*?$|__attribute__\(\(.*?\)\)\)?\s*}{}gmsr;
        while ($text =~ s/^(\w[^\n;{}]*?\b(\w+)\([^;{}]*\))\n\{\n(.*?)^\}$//ms) {
            my ($head, $name, $body) = ($1, $2, $3);
            $body{"$file $name"} = $body;
            $result{"$file $name"} = $head =~ s/\s*\b\Q$name\E\(.*//sr;
            $global{$name} = "$file $name" if $head !~ /^static/;
        }
        $rest{"$file *"} = $text =~ s/^[^\n={}]*\([^{}]*?\);$//gmr;    # what is left but for prototypes: tables, variables
    }
    my %functions;
    for my $function (keys %body, keys %rest) {
        my ($file) = split / /, $function;
        my $text = $functions{$function}{text} = $body{$function} // $rest{$function};
        $functions{$function}{result} = $result{$function};
        my $find = sub ($name) { $body{"$file $name"} ? "$file $name" : $global{$name} };
        $functions{$function}{calls} = [map { $find->($_) // () } $text =~ /\b(\w+)\s*\(/g];
        $functions{$function}{unheard} = [map { $find->($_) // () } ($text =~ s/\h+$//gmr) =~ /(?<![^;{}:)e]\n)^\h+(?:\(void\))?(\w+)\([^;]*\);/gm];    # statements
        $functions{$function}{taken} = [map { $find->($_) // () } $text =~ /(?<![.>\w])(\w+)\b(?!\s*\()/g];
    }
    return \%functions;
}

# Configuration keys, with the files that read them.
sub keys_read ($self) {
    my %read;
    for my $file ($self->c_files) {
        my $text = $self->text($file);
        $read{$1}{$file} = 1 while $text =~ /(?:config_\w+|getenv)\("(IM_[A-Z_]+)"/g;
        $read{"$1*"}{$file} = 1 while $text =~ /(?:config_\w+|getenv)\("(IM_[A-Z_]+_)"/g;
    }
    my $imctl = join '', map { s/^\s*#.*$//gmr } $self->text('imctl'), map { $self->text('ctl/' . $_->basename) } $self->files('ctl', qr/\.sh\z/);
    $read{$1}{imctl} = 1 while $imctl =~ /\b(IM_[A-Z][A-Z_]*[A-Z])\b(?!=)/g;
    return \%read;
}

1;
