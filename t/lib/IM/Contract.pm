package IM::Contract;

# The published contract, openapi/<service>.json as nginx serves it, as a judge of answers; openapi/socket.json as one of
# pushed frames.
#
# Strict: no coercion ("200" is no integer), no undeclared field, no code that the operation does not list,
# money with exactly two decimals in the text itself.  A judgement is a list of faults; none means it obeys.

use Mojo::Base -base, -signatures;
use JSON::Validator;
use JSON::Validator::Schema::OpenAPIv3;
use Mojo::File qw(curfile path);
use Mojo::JSON qw(decode_json from_json);
use Mojo::JSON::Pointer;

has 'service';                                                       # chat, backstage or redpacket
has root   => sub { curfile->dirname->dirname->dirname->dirname };
has schema => sub ($self) { $self->_load($self->service) };
has socket => sub ($self) { $self->_load('socket') };

# What any operation may answer besides the codes that it lists; 500 and 502 are never expected.
my @ALWAYS   = (413, 429);
my @LOGGED_IN = (401, 1003);

# HTTP status is 200 but for what nginx itself says; 404 may be either's.
my %HTTP = (404 => [200, 404], 413 => [413], 429 => [429], 502 => [502], 504 => [504]);

# The schema of OpenAPI itself, which JSON::Validator would look for in the network: Debian 13 has it as YAML only.
my $OPENAPI = 'https://spec.openapis.org/oas/3.0/schema/2019-04-02';
my ($OPENAPI_FILE) = grep {-e} glob '/usr/share/openapi-specification/schemas/v3.0/schema.{json,yaml}';

# Not by JSON::Validator->schema, which takes a third of a second to look for references where none is left.
sub _load ($self, $service) {
    my $class  = $service eq 'socket' ? 'JSON::Validator::Schema' : 'JSON::Validator::Schema::OpenAPIv3';
    my $schema = $class->new->data(_inlined(decode_json $self->published($service)));
    $schema->coerce({});
    $schema->formats->{$_} = sub { undef } for qw(money binary password);
    return $schema;
}

# A document with what every $ref stands for in its place: JSON::Validator takes half a second to resolve them.
sub _inlined ($document) {
    my (@nodes, %seen) = ($document);
    while (my $node = shift @nodes) {
        next if $seen{$node}++;
        for my $value (ref $node eq 'HASH' ? values %$node : @$node) {
            $value = Mojo::JSON::Pointer->new($document)->get($value->{'$ref'} =~ s/^#//r)
                while ref $value eq 'HASH' && $value->{'$ref'} && !ref $value->{'$ref'};
            push @nodes, $value if ref $value eq 'HASH' || ref $value eq 'ARRAY';
        }
    }
    return $document;
}

# The document, bytes: what make has built, or what it would build when that is older than what it is made of.
sub published ($self, $service) {
    my $built = path($ENV{IM_BUILD_DIR} // $self->root, "openapi/$service.json");
    return $built->slurp if -e $built && !grep { -M $_ < -M $built } $self->sources;
    open my $bundle, '-|', $self->root . '/openapi/bundle', $service or die "could not run openapi/bundle: $!\n";
    my $text = do { local $/; <$bundle> };
    close $bundle or die "openapi/bundle $service failed\n";
    return $text;
}

# Whatever a document is made of.
sub sources ($self) {
    return map { glob $self->root . "/$_" } qw(openapi/*.yaml openapi/bundle openapi/document openapi/examples openapi/lib/IM/*.pm src/base/code.txt man/*.8 sql/api/*.sql);
}

# What makes it no OpenAPI 3.0; only t/tree.t asks, for the answer takes a second.
sub errors ($self) {
    my $validator = JSON::Validator->new;
    my $store     = $validator->store;
    $store->add($OPENAPI => $store->get($store->load($OPENAPI_FILE)));
    return @{ $validator->schema(decode_json $self->published($self->service))->schema->errors };
}

# (the path template, the operation), or nothing when the path is not declared.
sub operation ($self, $method, $path) {
    $path = $path =~ s/\?.*//sr =~ tr{/}{}sr;
    return @{ $self->{operations}{"$method $path"} //= [$self->_operation($method, $path)] };
}

sub _operation ($self, $method, $path) {
    my $paths = $self->schema->get('/paths');
    return ($path, $paths->{$path}{ lc $method }) if $paths->{$path} && $paths->{$path}{ lc $method };
    for my $template (grep {/\{/} sort keys %$paths) {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/, $template, -1;
        return ($template, $paths->{$template}{ lc $method })
            if $path =~ /\A$pattern\z/ && $paths->{$template}{ lc $method };
    }
    return;
}

# Every operation as "METHOD path" => operation.
sub operations ($self) {
    my $paths = $self->schema->get('/paths');
    my %all;
    for my $path (keys %$paths) {
        $all{ uc($_) . " $path" } = $paths->{$path}{$_} for grep {/^(get|put|post|delete)$/} keys %{ $paths->{$path} };
    }
    return \%all;
}

# The faults of an answer: its body is text (characters), its HTTP status a number.  What is answered in the same words is not
# judged again, for that takes as long as the request.
sub answer_faults ($self, $method, $path, $status, $text) {
    my ($template, $operation) = $self->operation($method, $path);
    my $judge = sub { $self->_answer_faults($operation, "$method $path", $status, $text) };
    return $judge->() if !$operation || length $text > 1000;
    return @{ $self->{judged}{"$method $template $status $text"} //= [$judge->()] };
}

sub _answer_faults ($self, $operation, $name, $status, $text) {
    my $body = eval { from_json($text) } // return "is not JSON: " . substr $text, 0, 200;
    return 'is not a JSON object' if ref $body ne 'HASH';
    my $code = $body->{code} // '';
    return $self->_refusal_faults($body, $status)
        if !$operation && $code =~ /\A(404|413|429)\z/;
    return "is of $name, which openapi/@{[$self->service]}.yaml does not declare" if !$operation;
    return ($self->_refusal_faults($body, $status), $self->_code_faults($operation, $code)) if $code ne 200;

    my $schema = $operation->{responses}{200}{content}{'application/json'}{schema}{oneOf}[0];
    return ($self->_status_faults($status, 200), $self->_faults($body, $schema), $self->_money_faults($text, $schema));
}

# [HTTP status, code] of every refusal of a handshake, as the table has them.
sub handshake_refusals ($self) {
    return [map { [split / \| /] } $self->socket->get('/channels/socket/description') =~ /^\| (\d+ \| \d+) \|/gm];
}

# The faults of a pushed text.
sub push_faults ($self, $text) {
    my $frame = eval { from_json($text) } // return "is not JSON: " . substr $text, 0, 200;
    return 'has no type or no data.event' if ref $frame ne 'HASH' || ref $frame->{data} ne 'HASH';
    my $schema = $self->push_schemas->{ ($frame->{type} // '') . ' ' . ($frame->{data}{event} // '') };
    return 'is not declared in openapi/socket.json' if !$schema;
    return ((map {"$_"} $self->socket->validate($frame, $schema)), $self->_money_faults($text, $schema, $self->socket));
}

# "TYPE EVENT" => schema, of everything that the server may push.
sub push_schemas ($self) {
    return $self->{push_schemas} //= {
        map { ("$_->{properties}{type}{enum}[0] $_->{properties}{data}{properties}{event}{enum}[0]" => $_) } $self->_frames('toClient')
    };
}

# TYPE => schema, of every frame that a client may send.
sub frame_schemas ($self) { return { map { ($_->{properties}{type}{enum}[0] => $_) } $self->_frames('toServer') } }

sub _frames ($self, $operation) {
    my $at = sub ($node) { $self->resolved($node, $self->socket) };
    return map { $at->($at->($_)->{payload}) } @{ $self->socket->get("/operations/$operation/messages") };
}

# What a node stands for, wherever that is.
sub resolved ($self, $node, $document = $self->schema) {
    while ($node->{'$ref'} || $node->{allOf} && @{ $node->{allOf} } == 1) {
        $node = $node->{'$ref'} ? $document->get($node->{'$ref'} =~ s/^#//r) : $node->{allOf}[0];
    }
    return $node;
}

# The fields of a schema but for those that are other names of one: name => schema.
sub fields ($self, $schema, $document = $self->schema) {
    my $all = $self->resolved($schema, $document)->{properties} // {};
    return { map { ($_ => $all->{$_}) } grep { !$all->{$_}{'x-alias-of'} } keys %$all };
}

# Of the answer's data: "a list of ", "a page of " or "", then the names of its fields.
sub answer ($self, $operation) {
    my $data  = $self->resolved($operation->{responses}{200}{content}{'application/json'}{schema}{oneOf}[0]{properties}{data} // {});
    my $page  = ($data->{properties} // {})->{records};
    my $shape = $page ? 'a page of ' : $data->{items} ? 'a list of ' : '';
    $data = $self->resolved($page // $data)->{items} // $data if $shape;
    return ($shape, sort keys %{ $self->resolved($data)->{properties} // {} });
}

sub _faults ($self, $data, $schema) { return map {"$_"} $self->schema->validate($data, $schema) }

sub _refusal_faults ($self, $body, $status) {
    my @faults = $self->_faults($body, $self->schema->get('/components/schemas/Refusal'));
    my $code = $body->{code} // 0;
    return (@faults, $self->_status_faults($status, $HTTP{$code} ? @{ $HTTP{$code} } : 200));
}

sub _status_faults ($self, $status, @right) {
    return (grep { $_ == $status } @right) ? () : "came with HTTP status $status";
}

sub _code_faults ($self, $operation, $code) {
    my $public  = $operation->{security} && !@{ $operation->{security} };
    my @allowed = (@{ $operation->{'x-codes'} // [] }, @ALWAYS, $public ? () : @LOGGED_IN);
    return (grep { $_ eq $code } @allowed) ? () : "has code $code, which the operation does not list";
}

sub _money_faults ($self, $text, $schema, $document = $self->schema) {
    my $names = $self->{money}{$schema} //= join '|', sort keys %{ $self->_money_names($schema, $document) };
    return if $names eq '';
    my @faults;
    while ($text =~ /"($names)"\s*:\s*([^\s,}\]]+)/g) {
        push @faults, "$1 is $2, not money with two decimals" if $2 !~ /\A-?(0|[1-9][0-9]*)\.[0-9]{2}\z|\Anull\z/;
    }
    return @faults;
}

# The names of the properties that are money, anywhere in a schema.
sub _money_names ($self, $schema, $document) {
    my (%names, %seen);
    my @nodes = ($schema);
    while (@nodes) {
        my $node = shift @nodes;
        if (ref $node eq 'ARRAY') { push @nodes, grep {ref} @$node; next }
        next if ref $node ne 'HASH' || $seen{$node}++;
        my $properties = ref $node->{properties} eq 'HASH' ? $node->{properties} : {};
        for my $name (keys %$properties) {
            $names{$name} = 1 if _is_money($properties->{$name});
        }
        push @nodes, $document->get($node->{'$ref'} =~ s/^#//r) if ($node->{'$ref'} // '') =~ /^#/;
        push @nodes, map { $node->{$_} } grep { $_ ne '$ref' && ref $node->{$_} } keys %$node;
    }
    return \%names;
}

sub _is_money ($property) {
    return _is_money($property->{allOf}[0]) if ref $property eq 'HASH' && @{ $property->{allOf} // [] } == 1;
    return ref $property eq 'HASH' && (($property->{format} // '') eq 'money' || ($property->{'$ref'} // '') =~ m{/Money\z});
}

1;
