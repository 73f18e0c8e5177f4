package IM::Document;

# What the document im-chat-api.md has of a service (the file openapi/document), and x-extension on whatever it has not.
#
#     my $had = IM::Document->new($text, 'chat');
#     $had->fields('POST /login');    # {username => 1, password => 1}, or nothing: then the operation is ours
#     $had->mark_answers($openapi, sub ($node) { what the node refers to });

use v5.36;
use IM::Yaml;
use JSON::PP ();

sub new ($class, $text, $service) {
    my $self = bless { fields => {}, answers => {} }, $class;
    for my $line (grep { index($_, "$service ") == 0 } split /\n/, $text) {
        my ($asked, $answered) = split / ->/, $line;
        my (undef, $method, $path, @fields) = split / /, $asked;
        $self->{fields}{"$method $path"}  = { map { ($_ => 1) } @fields };
        $self->{answers}{"$method $path"} = { map { ($_ => 1) } split ' ', $answered } if defined $answered;
    }
    return $self;
}

sub fields ($self, $name) { return $self->{fields}{$name} }

# Fields of answers, where the document shows one.  A schema may serve several: what one of them has is no extension.
sub mark_answers ($self, $openapi, $resolved) {
    my (%schemas, %shown);
    for my $name (keys %{ $self->{answers} }) {
        my ($method, $path) = split / /, $name;
        my $answer = $openapi->{paths}{$path}{ lc $method }{responses}{200}{content}{'application/json'}{schema}{oneOf}[0];
        my $schema = _entry($answer->{properties}{data}, $resolved);
        $schemas{$schema} = $schema;
        $shown{$schema}{$_} = 1 for keys %{ $self->{answers}{$name} };
    }
    _mark($schemas{$_}, $shown{$_}) for keys %schemas;
}

# What one entry of a list or a page is; else the schema itself.
sub _entry ($schema, $resolved) {
    $schema = $resolved->($schema);
    my $entries = ($schema->{properties} // {})->{records} // $schema->{items};
    return $entries ? _entry($entries, $resolved) : $schema;
}

# Types of frames; fields of the frames that the document shows, which are the client's.
sub mark_frames ($self, $asyncapi, $resolved) {
    for my $message (values %{ $asyncapi->{components}{messages} }) {
        my $has = $self->{fields}{"WS $message->{name}"};
        $message->{'x-extension'} = JSON::PP::true if !$has;
        my $data = $resolved->($resolved->($message->{payload})->{properties}{data});
        _mark($data, $has) if $has && %$has && !$data->{properties}{event};
    }
}

sub _mark ($schema, $has) {
    my $fields = $schema->{properties} // {};
    for my $name (grep { !$has->{$_} } keys %$fields) {
        $fields->{$name} = described($fields->{$name});
        $fields->{$name}{'x-extension'} = JSON::PP::true;
    }
}

# A property that only refers can say nothing itself.
sub described ($property) {
    return $property if !$property->{'$ref'};
    return IM::Yaml::ordered(allOf => [$property]);
}

1;
