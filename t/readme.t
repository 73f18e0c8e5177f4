# readme: the five minutes of README.md, pasted line by line into a shell, do what they say on a new server.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Stack;
use Mojo::File qw(path);
use Mojo::Util qw(decode encode);
use Test::More;

sub tour_of ($name, $title) {
    my $page = decode 'UTF-8', path($FindBin::Bin)->dirname->child($name)->slurp;
    return ($page =~ /^## $title\n.*?^```sh\n(.*?)^```$/ms)[0];
}

my @shown;
my $tour = tour_of('README.md', 'Five minutes');
ok $tour, 'there is a tour';
is tour_of('README.zh.md', '五分钟'), $tour, 'in Chinese it is the same';

my $im    = IM::Stack->new;
my %ports = (8080 => 'chat', 8081 => 'backstage', 8082 => 'redpacket');
$im->secret('secret-1');
$tour =~ s/localhost:(\d+)/'127.0.0.1:' . $im->port($ports{$1})/ge;

# A shell that reads its lines, as from a terminal, and says after each how it went.
my @lines  = split /\n/, $tour;
my $file   = path($im->state, 'tour');
$file->open('>')->print(encode 'UTF-8', join '', map {"$_\necho \"#\$?\"\n"} @lines);
my @said = split /^#(\d+)\n/m, decode('UTF-8', scalar `bash <$file 2>&1`);
while (@lines) {
    my ($text, $status) = splice @said, 0, 2;
    is $status, 0, 'works: ' . shift @lines;
    push @shown, $text;
}
my $all = join '', @shown;
is scalar(() = $all =~ /"code":200/g), 7, 'every answer that it shows is a success';
like $all, qr/"content":"it works".*\n.*"content":"it works"/s, 'and bob has the message';
my ($token) = $all =~ /(eyJ[\w.-]+)/;
ok !$token, 'no token is shown';

$im->end;
done_testing;
