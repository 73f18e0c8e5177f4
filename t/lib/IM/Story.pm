package IM::Story;

# Plays openapi/examples: what each request there is answered, written as it is there.
#
#     my $story = IM::Story->new(im => $im, key => 'IM_PAYMENT_KEY of the stack');
#     for my $call ($story->calls) { … $call->{answer} … $story->play($call) … }
#
# The names that the file gives to what is different each time are put for it in answers, and it for them in requests.

use Mojo::Base -base, -signatures;
use Digest::SHA qw(hmac_sha256_hex);
use IM::Totp qw(totp);
use IM::User;
use Mojo::File qw(curfile path);
use Mojo::JSON qw(from_json);
use Mojo::Util qw(b64_decode decode encode trim);

has [qw(im key)];
has file  => sub { curfile->dirname->dirname->dirname->dirname->child('openapi', 'examples') };
has lines => sub ($self) { [split /\n/, decode('UTF-8', $self->file->slurp)] };
has users => sub { {} };
has [qw(live name count)] => sub { {} };

# A picture of one point.
my $PICTURE = b64_decode 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

# What is different each time, and its name: the n-th of its kind, or the same always.
my @KINDS = (
    [qr/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/ => sub ($n) { sprintf '00000000-0000-4000-8000-%012d', $n }],
    [qr/\beyJ[\w-]+\.[\w-]+\.[\w-]+/                                      => sub ($n) { "eyJhbGciOiJIUzI1NiJ9.eyJuIjo${n}fQ.$n" }],
    [qr/\b[0-9a-f]{64}\b/                                                 => sub ($n) { sprintf '%064x', $n }],
    [qr/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b/                               => sub ($n) {'2026-01-01 12:00:00'}],
    [qr/\b[A-Z2-7]{32}\b/                                                  => sub ($n) {'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'}],
    [qr/(?<=\\"at\\": )[\d.]+/                                        => sub ($n) {'1767240000.000000'}],
    [qr/(?<="day":")\d{4}-\d\d-\d\d/                                     => sub ($n) {'2026-01-01'}],
    [qr/(?<="since":")[0-9a-f.]+/                                         => sub ($n) {'7c1f.8812'}],
    [qr/(?<="captchaImage":")[^"]+/                                       => sub ($n) {'iVBORw0KGgoAAAANSUhEUgAA'}],
    [qr{(?:(?<="fileSize":)|(?<="fileSize" : ))\d+}                     => sub ($n) {'4096'}],    # libvips writes more or less, by release
);

# {service, who, method, path, body, answer, at}: the number of its line.
sub calls ($self) {
    my $lines = $self->lines;
    my @calls;
    for my $i (0 .. $#$lines) {
        my ($service, $who, $method, $path, $body) = $lines->[$i] =~ /^([a-z]+) (\S+) ([A-Z]+) (\S+)(?: (.+))?/ or next;
        my ($answer) = ($lines->[$i + 1] // '') =~ /^    (.*)/;
        push @calls, { service => $service, who => $who, method => $method, path => $path, body => $body, answer => $answer, at => $i };
        $self->name->{$_} = $self->live->{$_} = $_ for ($body // '') =~ /\b[0-9a-f]{64}\b/g;
    }
    return @calls;
}

# The text of its data, with names; dies when it is refused or breaks the contract.
sub play ($self, $call) {
    my $user = $self->_user($call);
    $self->_counted if $call->{path} =~ m{^/im/(?:message|sensitiveWord/hit|stat)/};
    my ($path, $body) = map { defined ? $self->_with_live($_) : undef } @$call{qw(path body)};
    return $self->_download($user, $path) if $path =~ m{^/(?:file/download|im/complaint/file)\?};
    my $answer = $path =~ m{/upload\z} ? $self->_upload($user, $path, from_json $body)
        : $user->raw($call->{method}, $path, defined $body ? encode('UTF-8', $body) : '', 'Content-Type' => 'application/json', $self->_signature($path, $body));
    die join("\n", $answer->summary, @{ $answer->faults }) . "\n" if $answer->code ne 200 || @{ $answer->faults };
    $user->keep($answer->data) if ref $answer->data eq 'HASH' && $answer->data->{accessToken};
    my ($data) = $answer->text =~ /\A\{"code":200,"message":"success","data":(.*)\}\z/s or die "not as answers are written: @{[$answer->text]}\n";
    return $self->_with_names($data);
}

# What imclerk makes of messages and money afterwards has been made.
sub _counted ($self) {
    my $im = $self->im;
    $im->sql(q{update im.setting set value = '0 seconds' where name = 'stat.interval'});
    my $now = $im->sql('select now()');
    $im->eventually(30, sub { $im->sql(qq{select at > '$now' and not im.follow_waits('search', 'im.message')
        and not im.follow_waits('ledger', 'im.journal') from im.stat_now}) eq 't' }) or die "imclerk does not count\n";
}

# Whoever is there already; an administrator and a service have what imctl gives them.
sub _user ($self, $call) {
    return $self->im->stranger($call->{service}) if $call->{who} eq '-';
    return $self->users->{"@$call{qw(service who)}"} //= do {
        my $user = IM::User->new(im => $self->im, name => $call->{who}, service => $call->{service});
        $user->access((($self->im->imctl(qw(token service), $call->{who}))[1] =~ /(eyJ\S+)/)[0]) if $call->{service} eq 'redpacket';
        $self->im->secret($user->access) if $user->access;
        $user;
    };
}

sub _upload ($self, $user, $path, $form) {
    return $user->upload($PICTURE, path => $path, name => $form->{file}, $form->{type} ? (type => $form->{type}) : ());
}

sub _download ($self, $user, $path) {
    my $response = $user->bytes(GET => $path);
    die "$path answered HTTP @{[$response->code]}, @{[$response->headers->content_type]}\n" if $response->code != 200 || $response->headers->content_type !~ m{^image/};
    return '(the file)';
}

sub _signature ($self, $path, $body) {
    return if $path ne '/payment/callback';
    my $time = time;
    return ('X-IM-Timestamp' => $time, 'X-IM-Signature' => hmac_sha256_hex("$time\n" . encode('UTF-8', $body), $self->key));
}

sub _with_names ($self, $text) {
    for my $kind (@KINDS) {
        my ($pattern, $naming) = @$kind;
        $text =~ s/($pattern)/$self->_named($1, $naming)/ge;
    }
    return $text;
}

sub _named ($self, $live, $naming) {
    return $self->name->{$live} //= do {
        my $name = $naming->(++$self->count->{$naming});
        $self->live->{$name} = $live;
        $name;
    };
}

sub _with_live ($self, $text) {
    my ($password) = reverse split /[\s:]+/, trim(path($self->im->state, 'admin-password')->slurp);
    $self->im->secret($password);
    $text =~ s/\(var\/admin-password\)/$password/;
    $text =~ s/(?<="totpCode": ")\d+/$self->_code/e;
    for my $name (sort { length $b <=> length $a } keys %{ $self->live }) { $text =~ s/(?<![\w-])\Q$name\E(?![\w-])/$self->live->{$name}/ge }
    return $text;
}

# A code that the authenticator would show, each of a later step than the one before.
sub _code ($self) {
    my $secret = $self->live->{GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ};
    $self->im->secret($secret);
    $self->im->run(30 - time % 30) if !$self->{codes} && time % 30 > 24;    # the first is of the step before: good for what is left of this one
    return totp($secret, time + 30 * ($self->{codes}++ - 1));
}

# Writes the answers into the file: line number => text.
sub renew ($self, $answers) {
    my @new;
    my $lines = $self->lines;
    for my $i (0 .. $#$lines) {
        next if $lines->[$i] =~ /^    /;
        push @new, $lines->[$i], defined $answers->{$i} ? "    $answers->{$i}" : ();
    }
    $self->file->open('>')->print(encode 'UTF-8', join '', map {"$_\n"} @new);
}

1;
