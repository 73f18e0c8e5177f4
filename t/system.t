# system: a client learns what it has to know; people complain, and what they complain about is kept; an address has so
# many captchas.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Samples;
use IM::Stack;
use Mojo::File qw(path);
use Mojo::JSON qw(true false);
use Test::More;
use Time::HiRes qw(time);

my $im = IM::Stack->new(IM_RATE_LIMIT => 'on');
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
my $stranger = $im->stranger;
my $samples  = IM::Samples->new;
$im->befriend($ann, $bob);
my $group = $im->group($ann, $bob);

subtest 'configuration' => sub {
    my ($version) = path($im->root, 'configure.ac')->slurp =~ /AC_INIT\(\[im-chat\], \[([^\]]+)\]/;
    my $known = $stranger->get('/system/config')->ok('a stranger is told', { version => $version, registration => true, webrtc => true,
        turn => false, recallSeconds => 120 });
    is $known->{upload}{image}, 20 << 20, 'how large a picture may be';
    my %password = (username => 'dan', nickName => 'Dan');
    $stranger->post('/register', { %password, password => 'x' x ($known->{lengths}{passwordMax} + 1) })->refused(400, 'a password too long is none', qr/password/);
    $stranger->post('/register', { %password, password => 'x' x $known->{lengths}{passwordMax} })->ok('one that is not is');
    $stranger->post('/register', { %password, username => 'n' x ($known->{lengths}{username} + 1), password => 'pw dan 1' })->refused(400, 'as with a name', qr/username/);
    $im->sql(q{update im.setting set value = '3.0.0' where name = 'client.version'; update im.setting set value = 'https://example.org/app' where name = 'client.download_url';
        update im.setting set value = 'off' where name = 'register.open'});
    $stranger->get('/system/config')->ok('what an operator says holds at once', { version => '3.0.0', downloadUrl => 'https://example.org/app', registration => false });
    $stranger->post('/register', { username => 'eve', password => 'pw eve 1' })->refused(403, 'nobody registers by himself then');
    $im->sql(q{update im.setting set value = preset where name = 'register.open'});
};

subtest 'complaints' => sub {
    my $proof  = $ann->upload($samples->picture('proof.png'), type => 'image', name => 'proof.png')->must->{url};
    my $face   = $bob->upload($samples->picture('face.jpg'), type => 'image', name => 'face.jpg')->must->{url};
    my $letter = $bob->post('/message/group/send', { groupId => $group, content => $face, messageType => 2 })->must->{id};
    my %about  = (targetType => 1, targetId => $bob->id, reason => '骚扰', description => '<b>每天</b>', images => [$proof], messageId => $letter);
    my $id = $ann->post('/complaint/submit', \%about)->ok('ann complains about a picture of bob', { complaintId => qr/^\d+$/ })->{complaintId};
    $ann->post('/complaint/submit', \%about)->ok('the same again is the same', { complaintId => $id });
    # An insert that takes a while, so that they meet.
    $im->sql(q{create function im.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return new; end';
        create trigger slow before insert on im.complaint for each row execute function im.slow()});
    my %ids = map { ($_->must->{complaintId} => 1) } $im->together(map { $ann->post_p('/complaint/submit', { targetType => 1, targetId => $bob->id, reason => '再次' }) } 1 .. 4);
    is keys %ids, 1, 'four at once, with another reason, are one more';
    $im->sql('drop trigger slow on im.complaint; drop function im.slow()');
    $bob->delete("/message/group/recall/$letter")->ok('bob recalls it');
    $ann->ask_file($face)->refused(404, 'ann sees it no more');
    is_deeply [$im->sql("select message_content, description, target_name from im.complaint where id = $id")], [[$face, '<b>每天</b>', 'Bob']], 'the complaint has what it was';
    is $im->sql("select string_agg(part, ' ' order by part) from im.complaint_file where complaint_id = $id"), 'image message', 'and its pictures';
    $im->sql("update im.file set unused_since = now() - interval '2 days'; select im.due_file()");
    is $im->sql('select count(*) from im.file'), 2, 'which stay on disk';
    $bob->download($face)->is_success or fail 'their owner still has his';
    $cat->post('/complaint/submit', { %about, images => [] })->refused(404, 'cat, who saw nothing, cannot', qr/messageId/);
    $cat->post('/complaint/submit', { %about, messageId => undef })->refused(404, 'nor with a picture of ann', qr/images/);
    $ann->post('/complaint/submit', { %about, images => [($proof) x 10] })->refused(400, 'nine pictures are enough', qr/images/);
    $ann->post('/complaint/submit', { targetType => 2, targetId => $group, reason => 'x' })->ok('about a group');
    $im->sql(q{update im.setting set value = '3' where name = 'complaint.day_limit'});
    $ann->post('/complaint/submit', { %about, reason => 'x' })->refused(429, 'three are enough today, when the operator says so');
    is $im->sql('select count(*) from im.complaint'), 3, 'and nothing of it is kept';
};

subtest 'captchas of an address' => sub {
    my ($start, @codes) = time;
    do { push @codes, $stranger->get('/captcha')->code } until @codes >= 25 && $codes[-1] == 429 || @codes == 100;
    my $given = grep { $_ == 200 } @codes;
    ok $given >= 20 && $given <= 21 + (time - $start) / 3, "20 at once, and one every three seconds: $given of @{[scalar @codes]}";
    is $codes[-1], 429, 'then there is none';
    $ann->login->ok('which keeps nobody from logging in');
};

$im->end;
done_testing;
