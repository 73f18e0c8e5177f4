# openapi: the contract as it is published: one document per service, whole in itself, served where its service is, and
# with everything that whoever writes a client wants to know of an operation.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Contract;
use IM::Fragment qw(lacks);
use IM::Stack;
use IM::Story;
use Mojo::File qw(path);
use Mojo::JSON qw(decode_json);
use Mojo::UserAgent;
use Test::More;

my $key  = join '', map { sprintf '%04x', rand 65536 } 1 .. 16;
my $im   = IM::Stack->new(IM_PAYMENT_KEY => $key)->secret($key);
my $ua   = Mojo::UserAgent->new;
my %from = (chat => [qw(chat)], backstage => [qw(backstage)], redpacket => [qw(redpacket)], socket => [qw(chat backstage)]);
my %document;

subtest 'served' => sub {
    for my $name (sort keys %from) {
        my $published = IM::Contract->new->published($name);
        for my $service (@{ $from{$name} }) {
            my $answer = $ua->get($im->url($service) . "/openapi/$name.json")->result;
            is $answer->code, 200, "$name.json is served on the port of $service";
            ok $answer->body eq $published, 'as it was made';
            like $answer->headers->content_type, qr{^application/json}, 'as JSON';
        }
        $document{$name} = decode_json $published;
        my @outside = grep { !/^#/ } references($document{$name});
        is_deeply \@outside, [], 'and refers to nothing outside itself';
        is_deeply [grep { !pointed($document{$name}, $_) } references($document{$name})], [], 'nor to anything that is not there';
    }
    $im->stranger->get('/openapi/backstage.json')->refused(404, 'the backstage has its own');
};

# Everything a reader is promised of each operation; what is missing is named.
subtest 'operations' => sub {
    for my $service (qw(chat backstage redpacket)) {
        my $paths = $document{$service}{paths};
        my (%ids, @missing);
        for my $path (sort keys %$paths) {
            for my $method (sort keys %{ $paths->{$path} }) {
                my $operation = $paths->{$path}{$method};
                my $success   = $operation->{responses}{200}{content}{'application/json'}{schema}{oneOf}[0];
                push @{ $ids{ $operation->{operationId} } }, "$method $path";
                push @missing, map {"$method $path: $_"} (
                    $operation->{summary} =~ m{\p{Han}.* / \w} ? () : 'a summary in Chinese and English',
                    @{ $operation->{tags} } == 1 ? () : 'one chapter',
                    !$success || "@{ $success->{required} }" eq 'code message data' ? () : 'success first, with its data required',
                    map { $_->{description} =~ /\w/ ? () : "what $_->{name} is" } grep { $_->{name} } @{ $operation->{parameters} // [] },
                );
            }
        }
        is_deeply \@missing, [], "$service: every operation has its summaries, chapter, success and fields";
        is_deeply [grep { @$_ > 1 } values %ids], [], "$service: an operationId is of one operation";
        my %chapters = map { ($_->{name} => 1) } @{ $document{$service}{tags} };
        is_deeply [grep { !$chapters{$_} } map { map { $_->{tags}[0] } values %$_ } values %$paths], [], "$service: its chapters have names";
    }
};

subtest 'what is not of the document im-chat-api.md' => sub {
    my $paths = $document{chat}{paths};
    ok !$paths->{'/login'}{post}{'x-extension'}, '/login is';
    ok $paths->{'/logout'}{post}{'x-extension'}, '/logout is not, and says so';
    ok $paths->{'/login'}{post}{requestBody}{content}{'application/json'}{schema}{properties}{captchaId}{'x-extension'}, 'nor a field that was added';
    my (@unmarked, @marked, @lost);
    for my $line (grep {/^[a-z]/} split /\n/, path($FindBin::Bin)->dirname->child('openapi/document')->slurp) {
        my ($asked, $shown) = split / ->/, $line;
        my ($service, $method, $path, @fields) = split / /, $asked;
        my ($told, $request, $answer) = $method eq 'WS' ? frame($path) : operation($service, $method, $path);
        for my $pair ([\@fields, $request], defined $shown ? [[split ' ', $shown], $answer] : ()) {
            my ($has, $all) = @$pair;
            my %has = map { ($_ => 1) } @$has;
            push @unmarked, map {"$told: $_"} grep { @$has && !$has{$_} && !$all->{$_}{'x-extension'} && !$all->{$_}{'x-alias-of'} } sort keys %$all;
            push @marked, map {"$told: $_"} grep { $has{$_} && $all->{$_}{'x-extension'} } sort keys %$all;
            push @lost,   map {"$told: $_"} grep { !$all->{$_} } @$has;
        }
    }
    is_deeply \@unmarked, [], 'whatever a request, a frame or an answer has beside it is marked';
    is_deeply \@marked, [], 'what is its own is not';
    is_deeply \@lost, [], 'and all of it is there';
    my $aliases = sub ($path) {
        my $fields = $paths->{$path}{post}{requestBody}{content}{'application/json'}{schema}{properties};
        return [map { [$_, $fields->{$_}{'x-alias-of'}] } grep { $fields->{$_}{deprecated} } sort keys %$fields];
    };
    is_deeply $aliases->('/redPackage/rob'), [[redId => 'redPacketId'], [redPackageId => 'redPacketId']], 'other names of a field say of which';
    is_deeply $aliases->('/register'), [[userName => 'username']], 'those of what a handler calls too';
};

# Each request of openapi/examples, sent as it stands there, is answered what stands there.
subtest 'examples' => sub {
    my $story = IM::Story->new(im => $im, key => $key);
    my (%answers, %played);
    for my $call ($story->calls) {
        my $told   = "$call->{who}: $call->{method} $call->{path}";
        my $answer = eval { $story->play($call) };
        if (!defined $answer) { diag $@; return fail $told }
        $answers{ $call->{at} } = $answer;
        my ($template) = $im->contract($call->{service})->operation(@$call{qw(method path)});
        $played{ $call->{service} }{"$call->{method} $template"} = 1;
        $ENV{IM_RENEW} ? pass "$told is written" : is $answer, $call->{answer} // 'nothing: IM_RENEW=1 ./imctl check t/openapi.t writes it', $told;
    }
    $story->renew(\%answers) if $ENV{IM_RENEW};
    for my $service (qw(chat backstage redpacket)) {
        my @without = grep { !$played{$service}{$_} } sort keys %{ $im->contract($service)->operations };
        lacks "$service: every operation has an example", map { ["none of $_", 'openapi/examples, then IM_RENEW=1 ./imctl check t/openapi.t', "$service WHO $_ {}"] } @without;
    }
};

# What it is called, the fields of its request and of its answer.
sub operation ($service, $method, $path) {
    my $operation = $document{$service}{paths}{$path}{ lc $method };
    my ($body)    = values %{ ($operation->{requestBody} // {})->{content} // {} };
    my %query     = map { ($_->{name} => $_) } grep { $_->{in} ne 'path' } map { resolved($document{$service}, $_) } @{ $operation->{parameters} // [] };
    my $answer    = $operation->{responses}{200}{content}{'application/json'}{schema}{oneOf}[0]{properties}{data};
    return ("$method $path", { %query, entry($document{$service}, $body->{schema} // {})->{properties}->%* }, entry($document{$service}, $answer // {})->{properties});
}

# Of the client's frame of that type.
sub frame ($type) {
    my $of = $document{socket};
    my ($message) = grep { $_->{name} eq $type } map { resolved($of, $_) } map { resolved($of, $_) } $of->{operations}{toServer}{messages}->@*;
    return ("frame $type", $message ? resolved($of, resolved($of, $message->{payload})->{properties}{data})->{properties} : {}, {});
}

# What one of a list or a page is, or the thing itself.
sub entry ($document, $node) {
    $node = resolved($document, $node);
    my $one = ($node->{properties} // {})->{records} // $node->{items};
    return $one ? entry($document, $one) : { properties => {}, %$node };
}

sub resolved ($document, $node) {
    $node = pointed($document, $node->{'$ref'}) while $node->{'$ref'};
    return $node;
}

# Every $ref in a document.
sub references ($node) {
    return map { references($_) } @$node if ref $node eq 'ARRAY';
    return () if ref $node ne 'HASH';
    return (defined $node->{'$ref'} && !ref $node->{'$ref'} ? $node->{'$ref'} : (), map { references($node->{$_}) } sort keys %$node);
}

sub pointed ($document, $ref) {
    my $node = $document;
    for my $name (map { s/~1/\//gr } split m{/}, $ref =~ s{^#/}{}r) { $node = ref $node eq 'HASH' ? $node->{$name} : undef }
    return $node;
}

$im->end;
done_testing;
