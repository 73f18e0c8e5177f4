package IM::Bundle;

# Makes the published documents; openapi/bundle says of what.

use v5.36;
use utf8;
use IM::Document;
use IM::Manual;
use IM::Yaml;
use JSON::PP ();

my %PAGES = (backstage => ['backstage'], redpacket => ['redpacket'],
    chat => [qw(auth session user wallet friend group message file redpacket system webrtc)]);

# What nginx answers by itself, with these as HTTP status.
my $KEY = 'common.yaml#/components/parameters/IdempotencyKey';
my %NGINX = (413 => 'TooLarge', 429 => 'TooMany', 502 => 'Restarting', 504 => 'TooLate');

sub new ($class, $root) { return bless { root => $root, ours => {} }, $class }

sub chat ($self)      { return $self->_json($self->_service('chat')) }
sub backstage ($self) { return $self->_json($self->_service('backstage')) }
sub redpacket ($self) { return $self->_json($self->_service('redpacket')) }

# im-chat-protocol(7), with the frames in its lists.
sub protocol ($self) {
    my $async = $self->_async;
    my $page  = $self->_text('man/im-chat-protocol.in');
    my $items = sub ($operation) { join "\n", map { $self->_frame($_->{'$ref'} =~ s{.*/}{}r) } @{ $async->{operations}{$operation}{messages} } };
    $page =~ s/^\@TOSERVER\@$/$items->('toServer')/me;
    $page =~ s/^\@TOCLIENT\@$/$items->('toClient')/me;
    return $page;
}

# A frame as an item: its type and event, then its fields with their types.
sub _frame ($self, $name) {
    my $schema = $self->{document}{components}{schemas}{$name};
    my $data   = $self->_resolved($schema->{properties}{data});
    my %needed = map { ($_ => 1) } @{ $data->{required} // [] };
    my $event  = ($data->{properties}{event} // {})->{enum};
    my @fields = map { "$_" . ($needed{$_} ? '' : '?') . ' ' . $self->_type($data->{properties}{$_}) } grep { $_ ne 'event' } keys %{ $data->{properties} };
    return join "\n", '.It Li ' . join(' ', $schema->{properties}{type}{enum}[0], $event ? $event->[0] : ()), join(",\n", @fields) || 'no more';
}

my %NAMES = (Id => 'id', Money => 'money', Time => 'time', Uuid => 'UUID');

sub _type ($self, $property) {
    my ($name) = ($property->{'$ref'} // ($property->{allOf} // [{}])->[0]{'$ref'} // '') =~ /(\w+)\z/;
    return $NAMES{$name} if $name && $NAMES{$name};
    $property = $self->_resolved($property);
    return 'object or text' if $property->{oneOf};
    return join(', ', map { $_ // 'null' } @{ $property->{enum} }) =~ s/(.*)/($1)/r if $property->{enum};
    my ($type, $null) = ref $property->{type} ? @{ $property->{type} } : $property->{type};
    $type = 'array of ' . $self->_type($property->{items}) if $type eq 'array';
    $type = 'text' if $type eq 'string';
    return $type . ($null ? ' or null' : '');
}

# The frames of the WebSocket, as AsyncAPI 3.0, from the schemas Ws… of chat.yaml.
sub socket ($self) { return $self->_json($self->_async) }

sub _async ($self) {
    my $document = $self->{document} = $self->_yaml('chat.yaml');
    $self->{common} = $self->_yaml('common.yaml')->{components};
    $self->{common}{schemas}{Refusal} = $self->_refusal($self->{common}{schemas}{Refusal});
    my $schemas = $document->{components}{schemas};
    my %frames  = map { my $list = $_; ($list => [map { $_->{'$ref'} =~ /(\w+)\z/ } @{ $schemas->{$list}{oneOf} }]) } qw(WsFrame WsPush);
    my @all     = map { @{ $frames{$_} } } qw(WsFrame WsPush);
    my $channel = IM::Yaml::ordered(address => '/ws', description => $schemas->{WsRefusal}{description},
        messages => IM::Yaml::ordered(map { ($_ => { '$ref' => "#/components/messages/$_" }) } @all),
        bindings => { ws => { query => IM::Yaml::ordered(type => 'object', properties => { accessToken => { type => 'string' } }) } });
    my $operation = sub ($action, $list) {
        return IM::Yaml::ordered(action => $action, channel => { '$ref' => '#/channels/socket' }, security => [{ '$ref' => '#/components/securitySchemes/token' }], summary => $schemas->{$list}{description},
            messages => [map { { '$ref' => "#/channels/socket/messages/$_" } } @{ $frames{$list} }]);
    };
    my $async = IM::Yaml::ordered(
        asyncapi => '3.0.0',
        info     => IM::Yaml::ordered(title => 'IM Chat WebSocket', version => $document->{info}{version}, description => "im-chat-protocol(7)\n\n$schemas->{WsRefusal}{description}"),
        servers  => { push => IM::Yaml::ordered(host => 'localhost:8081', protocol => 'ws', security => [{ '$ref' => '#/components/securitySchemes/token' }]) },
        channels => { socket => $channel },
        operations => IM::Yaml::ordered(toServer => $operation->('receive', 'WsFrame'), toClient => $operation->('send', 'WsPush')),
        components => IM::Yaml::ordered(securitySchemes => { token => IM::Yaml::ordered(type => 'httpApiKey', name => 'accessToken', in => 'query') },
            messages => IM::Yaml::ordered(map { ($_ => _message($_, $schemas->{$_})) } @all), schemas => $schemas),
    );
    IM::Document->new($self->_text('openapi/document'), 'socket')->mark_frames($async, sub ($node) { $self->_resolved($node) });
    $self->_inline($document->{components});
    $self->_drop_unused({ paths => $async->{components}{messages}, components => { schemas => $schemas } });
    _nullable($schemas);
    return $async;
}

sub _message ($name, $schema) {
    my $type  = $schema->{properties}{type}{enum}[0];
    my $event = $schema->{properties}{data}{properties} && ($schema->{properties}{data}{properties}{event} // {})->{enum};
    return IM::Yaml::ordered(name => $type, title => join(' ', $type, $event ? $event->[0] : ()), ($schema->{description} ? (summary => $schema->{description}) : ()),
        payload => { '$ref' => "#/components/schemas/$name" });
}

# OpenAPI's nullable is a type of JSON Schema.
sub _nullable ($node) {
    return map { _nullable($_) } @$node if ref $node eq 'ARRAY';
    return if ref $node ne 'HASH';
    if (delete $node->{nullable}) {
        $node->{type} = [$node->{type}, 'null'];
        push @{ $node->{enum} }, undef if $node->{enum};
    }
    _nullable($_) for map { $node->{$_} } keys %$node;
}

# One service's document, as data; what the examples say stands in it as a mark, for _json.
sub _service ($self, $service) {
    my $document = $self->{document} = $self->_yaml("$service.yaml");
    $self->{common}   = $self->_yaml('common.yaml')->{components};
    $self->{manual}   = IM::Manual->new(map {"$self->{root}/man/$_.8"} @{ $PAGES{$service} });
    $self->{examples} = $self->_examples($service);
    $self->{had}      = IM::Document->new($self->_text('openapi/document'), $service);
    $self->{common}{schemas}{Refusal} = $self->_refusal($self->{common}{schemas}{Refusal});
    $document->{components}{responses} = IM::Yaml::ordered(map { ($NGINX{$_} => _nginx($self->codes->{$_})) } sort keys %NGINX);
    for my $path (keys %{ $document->{paths} }) {
        my $methods = $document->{paths}{$path};
        $self->_operation(uc($_) . " $path", $methods->{$_}) for grep {/^(?:get|put|post|delete)$/} keys %$methods;
    }
    $self->{had}->mark_answers($document, sub ($node) { $self->_resolved($node) });
    $self->_inline($document);
    $self->_drop_unused($document);
    return $document;
}

# --- one operation ---

sub _operation ($self, $name, $operation) {
    my $item = $self->{manual}->item($name) // { text => [], fields => {}, codes => {} };    # t/tree.t says what is missing
    my $has  = $self->{had}->fields($name);
    my ($first) = ($item->{text}[0] // '') =~ /\A(.+?)(?:[.:;](?: |\z)|\z)/s;
    $operation->{operationId} = _operation_id($name);
    $operation->{summary} .= ' / ' . $first if $first;
    $operation->{description} = join "\n\n", grep {length} $operation->{description} // '', @{ $item->{text} }, $self->_codes_told($operation, $item);
    $operation->{'x-extension'} = JSON::PP::true if !$has;
    push @{ $operation->{parameters} }, { '$ref' => $KEY } if $self->_takes_key($name, $operation);
    $self->_field($_, $item, $has) for map { $self->_resolved($_) } @{ $operation->{parameters} // [] };
    my $example = $self->{examples}{$name} // {};
    $_->{example} = $example->{fields}{ $_->{name} } for grep { defined $_->{name} && exists $example->{fields}{ $_->{name} } } @{ $operation->{parameters} // [] };
    $self->_body($name, $operation->{requestBody}, $item, $has) if $operation->{requestBody};
    $self->_answers($name, $operation->{responses});
}

# Whatever a user changes takes a key, but what comes as a form.
sub _takes_key ($self, $name, $operation) {
    return $self->{document}{paths}{'/login'} && $name !~ /\AGET / && !$operation->{security}
        && !(($operation->{requestBody} // {})->{content} // {})->{'multipart/form-data'}
        && !grep { ($_->{'$ref'} // '') eq $KEY } @{ $operation->{parameters} // [] };
}

# POST /friend/request/apply is friendRequestApply.
sub _operation_id ($name) {
    my ($path) = $name =~ / (\S+)/;
    my ($first, @words) = grep {length} split m{/}, $path =~ s/\{\w+\}//gr;
    return join '', $first, map {ucfirst} @words;
}

sub _codes_told ($self, $operation, $item) {
    my @codes = sort { $a <=> $b } @{ $operation->{'x-codes'} // [] };
    return '' if !@codes;
    my $line = sub ($code) {
        my $of = $self->codes->{$code} // return "| $code | | |";
        my $when = $item->{codes}{$code};
        return "| $code | $of->{chinese} / $of->{english} | " . ($when ? $$when : '') . ' |';
    };
    return join "\n", '| code | message | when |', '|---|---|---|', map { $line->($_) } @codes;
}

# A field of query or path: the manual's words behind the contract's.
sub _field ($self, $parameter, $item, $has) {
    my $told = $item->{fields}{ $parameter->{name} };
    $parameter->{description} = _both($parameter->{description} // $parameter->{schema}{description}, $told && $$told) // $parameter->{name};
    $parameter->{'x-extension'} = JSON::PP::true if $has && $parameter->{in} ne 'path' && !$has->{ $parameter->{name} };
}

sub _body ($self, $name, $body, $item, $has) {
    my ($type)   = keys %{ $body->{content} };
    my $schema   = $self->_resolved($body->{content}{$type}{schema});
    my $fields   = $schema->{properties} // {};
    for my $field (keys %$fields) {
        my $property = IM::Document::described($fields->{$field});
        my $told     = $item->{fields}{$field};
        $property->{description} = _both($property->{description}, $told && $$told) if $told;
        $property->{'x-extension'} = JSON::PP::true if $has && !$has->{$field};
        $fields->{$field} = $property if keys %$property > 1 || !$property->{allOf};
        $fields->{$_} = _alias($_, $field, $fields->{$field}) for @{ $self->_aliases->{"$name $field"} // [] };
    }
    my $example = $self->{examples}{$name};
    $body->{content}{$type}{example} = $example->{request} if $example && defined $example->{request};
}

# Another name of a field, for who writes it that way.
sub _alias ($alias, $field, $property) {
    return IM::Yaml::ordered((map { ($_ => $property->{$_}) } grep { !/^(?:description|x-)/ } keys %$property),
        description => "$field 的别名; another name of $field", deprecated => JSON::PP::true, 'x-alias-of' => $field);
}

# "METHOD path field" => [its other names], of the calls at the head of sql/api's functions, where they stand as field|name|name.
sub _aliases ($self) {
    return $self->{aliases} //= do {
        my %aliases;
        for my $head (map { $self->_text($_) =~ /^((?:--.*\n)+)create function api\./gm } map { substr $_, 1 + length $self->{root} } glob "$self->{root}/sql/api/*.sql") {
            my ($names, $arguments) = $head =~ /\A([^(]*)\(([^)]*)\)/ or next;
            for my $name ($names =~ m{\b((?:GET|PUT|POST|DELETE) /[\w/{}]+)}g) {
                $aliases{"$name $1"} = [split /\|/, $2] while $arguments =~ /(\w+)\|([\w|]+)/g;
            }
        }
        \%aliases;
    };
}

# Once, though a schema may serve several requests.
sub _both ($chinese, $english) {
    return $english if !length($chinese // '');
    return !length($english // '') || $chinese =~ /; \Q$english\E\z/ ? $chinese : "$chinese; $english";
}

# --- answers ---

# Success, whole and first; the refusal; what nginx says.
sub _answers ($self, $name, $responses) {
    my $json = $responses->{200}{content}{'application/json'};
    if (my $either = $json->{schema}{oneOf}) {
        my ($success) = grep { $_->{allOf} } @$either;
        my ($refusal) = grep { $_->{'$ref'} } @$either;
        my ($data)    = map { $_->{properties} ? $_->{properties}{data} : () } @{ $success->{allOf} };
        $json->{schema}{oneOf} = [_envelope($data), $refusal];
        $json->{example} = $self->{examples}{$name}{answer} if ($self->{examples}{$name} // {})->{answer};
    }
    $responses->{$_} = { '$ref' => "#/components/responses/$NGINX{$_}" } for sort keys %NGINX;
}

sub _envelope ($data) {
    return IM::Yaml::ordered(
        type => 'object', required => [qw(code message data)], additionalProperties => JSON::PP::false,
        properties => IM::Yaml::ordered(code => IM::Yaml::ordered(type => 'integer', enum => [200]), message => IM::Yaml::ordered(type => 'string', enum => ['success']), data => $data),
    );
}

sub _nginx ($of) {
    return IM::Yaml::ordered(description => "$of->{chinese_do}; $of->{english_do}",
        content => { 'application/json' => { schema => { '$ref' => '#/components/schemas/Refusal' } } });
}

# Every code, with what it means and what to do.
sub _refusal ($self, $refusal) {
    my @codes = sort { $a <=> $b } grep { $_ != 200 } keys %{ $self->codes };
    $refusal->{properties}{code}{enum} = [map { 0 + $_ } @codes];
    $refusal->{description} .= join "\n", "\n| code | message | 含义与处理 | what a client does |", '|---|---|---|---|',
        map { my $of = $self->codes->{$_}; "| $_ | $of->{chinese} / $of->{english} | $of->{chinese_do} | $of->{english_do} |" } @codes;
    return $refusal;
}

# src/base/code.txt: code => {chinese, english, chinese_do, english_do}.
sub codes ($self) {
    return $self->{codes} //= do {
        my %codes;
        for my $line (grep {/^\d/} split /\n/, $self->_text('src/base/code.txt')) {
            my ($code, @texts) = split / \| /, $line;
            @{ $codes{$code} }{qw(chinese english chinese_do english_do)} = @texts;
        }
        \%codes;
    };
}

# --- what other files say ---

# openapi/examples: of each operation the first; texts stand in the data as marks (_json).
sub _examples ($self, $service) {
    my (%examples, $last);
    my @calls = split /\n/, -e "$self->{root}/openapi/examples" ? $self->_text('openapi/examples') : '';
    for my $line (@calls) {
        if ($line =~ /^(\w+) \S+ ([A-Z]+) (\S+)(?: (.*))?/) {
            my ($of, $method, $path, $body) = ($1, $2, $3, $4);
            my ($name, %fields) = $of eq $service ? $self->_template($method, $path) : ();
            $last = $name && !$examples{$name} ? $examples{$name} = { fields => \%fields } : undef;
            $last->{request} = $self->_mark($body) if $last && defined $body;
        } elsif ($line =~ /^    (\S.*)/) {
            $last->{answer} = $self->_mark(qq({"code": 200, "message": "success", "data": $1})) if $last;
        }
    }
    return \%examples;
}

# The operation of a request, and the values of its fields in path and query.
sub _template ($self, $method, $path) {
    ($path, my $query) = split /\?/, $path, 2;
    for my $template (keys %{ $self->{document}{paths} }) {
        my @names   = $template =~ /\{(\w+)\}/g;
        my $pattern = join '([^/]+)', map {quotemeta} split /\{\w+\}/, $template, -1;
        my @values  = $path =~ /\A$pattern\z/ or next;
        next if !$self->{document}{paths}{$template}{ lc $method };
        return ("$method $template", (map { ($_ => _value(shift @values)) } @names), map { my ($name, $value) = split /=/; ($name => _value($value)) } split /&/, $query // '');
    }
    return;
}

sub _value ($text) {
    return 0 + $text if $text =~ /\A\d{1,15}\z/;
    return $text eq 'true' ? JSON::PP::true : JSON::PP::false if $text =~ /\A(?:true|false)\z/;
    $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    utf8::decode($text);
    return $text;
}

# --- references ---

sub _resolved ($self, $node) {
    while (my $ref = $node->{'$ref'}) {
        my ($kind, $name) = $ref =~ m{#/components/(\w+)/(\w+)\z} or die "cannot follow $ref\n";
        $node = $ref =~ /^common/ ? $self->{common}{$kind}{$name} : $self->{document}{components}{$kind}{$name};
        die "nothing is at $ref\n" if !$node;
    }
    return $node;
}

# Brings what a node refers to in common.yaml into the document's own components.
sub _inline ($self, $node) {
    return map { $self->_inline($_) } @$node if ref $node eq 'ARRAY';
    return if ref $node ne 'HASH';
    if (($node->{'$ref'} // '') =~ m{^common\.yaml#/components/(\w+)/(\w+)\z}) {
        my ($kind, $name) = ($1, $2);
        my $own = $self->{document}{components}{$kind} //= IM::Yaml::ordered();
        if ($kind eq 'securitySchemes') {
            my $scheme = $self->{common}{$kind}{$name};
            delete $node->{'$ref'};
            $node->{$_} = $scheme->{$_} for keys %$scheme;
            return;
        }
        die "$name is in common.yaml too\n" if $own->{$name} && !$self->{ours}{"$kind $name"};
        $node->{'$ref'} = "#/components/$kind/$name";
        return if $self->{ours}{"$kind $name"}++;
        $own->{$name} = $self->{common}{$kind}{$name};
        return $self->_inline($own->{$name});
    }
    # Not what is brought in meanwhile: that has been gone through.
    $self->_inline($_) for map { $node->{$_} } keys %$node;
}

# The WebSocket's schemas have a document of their own.
sub _drop_unused ($self, $document) {
    my %used;
    my @nodes = ($document->{paths}, $document->{components}{responses});
    while (@nodes) {
        my $node = shift @nodes;
        push @nodes, ref $node eq 'HASH' ? values %$node : ref $node eq 'ARRAY' ? @$node : ();
        next if ref $node ne 'HASH' || !defined $node->{'$ref'} || ref $node->{'$ref'} || $used{ $node->{'$ref'} }++;
        push @nodes, $self->_resolved($node);
    }
    for my $kind (grep { $_ ne 'securitySchemes' } keys %{ $document->{components} }) {
        my $all = $document->{components}{$kind};
        delete @$all{ grep { !$used{"#/components/$kind/$_"} } keys %$all };
        delete $document->{components}{$kind} if !%$all;
    }
}

# --- files ---

sub _text ($self, $name) {
    open my $in, '<:encoding(UTF-8)', "$self->{root}/$name" or die "could not read $name: $!\n";
    return do { local $/; <$in> };
}

sub _yaml ($self, $name) { return IM::Yaml::load($self->_text("openapi/$name")) }

# Text that goes into the document as it is: an amount keeps its two decimals, an object its order.
sub _mark ($self, $text) {
    push @{ $self->{marks} }, $text;
    return "\@mark$#{ $self->{marks} }\@";
}

sub _json ($self, $document) {
    my $text = JSON::PP->new->indent->indent_length(1)->space_after->encode($document);
    return $text =~ s/"\@mark(\d+)\@"/$self->{marks}[$1]/gr;
}

1;
