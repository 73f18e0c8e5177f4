# file: what is uploaded comes back to whoever may read it, and to nobody else; what it is, is decided by its content.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Machine qw(slowness);
use IM::Samples;
use IM::Raw;
use IM::Stack;
use IO::Select;
use IO::Socket::INET;
use List::Util qw(max);
use Mojo::File qw(path);
use Mojo::JSON qw(encode_json);
use Mojo::Util qw(encode url_escape);
use Test::More;

my $im = IM::Stack->new;
my $samples = IM::Samples->new;
my ($ann, $bob, $cat) = $im->users(qw(ann bob cat));
$im->befriend($ann, $bob);
my $store = path($im->state, 'files');
my $decoders = $im->parts->pids('decoder', 'imdecoder');    # each has a child as long as it is at work

sub stored () { return $store->list_tree->size }
sub spooled () { return path($im->state, 'nginx/tmp/body')->list_tree->size }
sub hand ($from, $to, $url, $type = 3) {
    return $from->post('/message/private/send', { receiverId => $to->id, content => $url, messageType => $type });
}

subtest 'any bytes' => sub {
    for my $bytes ('', 'x', join('', map { chr } 0 .. 255), "\r\n", "\r\n--", "a\r\n----\r\nb" x 1000, 'z' x 300_000 . "\r\n-") {
        my $file = $ann->upload($bytes, name => 'bytes.bin')->must;
        is $file->{fileSize}, length $bytes, length($bytes) . ' bytes';
        my $answer = $ann->download($file->{url});
        is $answer->code, 200;
        ok $answer->body eq $bytes, 'come back as they were';
    }
    is spooled(), 0, 'nothing is left in the spool';
};

subtest 'an e-mail and a saved page arrive byte for byte' => sub {
    my $mail = "From: a\@example.org\r\nSubject: =?UTF-8?B?5L2g5aW9?=\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhello\r\n--x--\r\n";
    for my $sent ([$mail, 'mail.eml'], [$mail, 'page.mhtml'], [encode('GBK', '你好，世界'), '说明.txt']) {
        my $file = $ann->upload($sent->[0], name => $sent->[1])->must;
        is $ann->download($file->{url})->body, $sent->[0], $sent->[1];
    }
};

subtest 'names' => sub {
    my %fallback = (
        '漢字, 汉字 "引" 🧧.pdf' => '__, __ _ _ _.pdf',
        'a%20b%.txt'                 => 'a_20b_.txt',
        'C:\\Users\\me\\a.txt'       => 'C__Users_me_a.txt',
        '../../etc/passwd'           => '.._.._etc_passwd',
        "two\r\nX-Evil: lines"       => 'two__X-Evil_ lines',
        "\x{202E}fdp.exe"            => '_fdp.exe',
    );
    $fallback{'漢字, 汉字 "引" 🧧.pdf'} = '___ __ ___ _.pdf';
    for my $name (sort keys %fallback) {
        my $file = $ann->upload('x', name => $name)->must;
        is $file->{fileName}, $name, 'kept';
        my $headers = $ann->download($file->{url})->headers;
        my $escaped = url_escape(encode('UTF-8', $name), '^A-Za-z0-9._-');
        is_deeply $headers->every_header('Content-Disposition'), ["attachment; filename=\"$fallback{$name}\"; filename*=UTF-8''$escaped"], 'and given back';
    }
    like $ann->upload($samples->voice('webm'), name => 'blob', type => 'voice')->must->{fileName}, qr/\Avoice-\d{8}-\d{6}\.webm\z/, 'a blob gets a name';
    $ann->upload('x', name => $_)->refused(400, 'no name: ' . length $_) for '', '   ';
    $ann->upload('x', name => '文' x 256)->refused(400, 'a name too long');
    $ann->upload('x', name => "a\0b")->refused(400, 'a name with U+0000');
};

subtest 'the type before or after the file, and none' => sub {
    for my $last (0, 1) {
        is $ann->upload($samples->jpeg, name => 'a.jpg', type => 'image', last => $last)->must->{mimeType}, 'image/jpeg';
    }
    is $ann->upload($samples->jpeg, name => 'a.jpg', path => '/image/upload')->must->{width}, 640, '/image/upload takes pictures';
    $ann->upload('x', name => 'a.jpg', path => '/image/upload')->refused(7001, 'and nothing else');
    $ann->upload('x', path => '/video/upload')->refused(7001, '/video/upload wants films');
    is $ann->upload('x')->must->{mimeType}, 'application/octet-stream', 'without a type it is a file';
    $ann->upload('x', type => $_)->refused(400, "type $_") for 'movie', 'IMAGE', 'x' x 100;
};

subtest 'ranges, conditions, HEAD' => sub {
    my $bytes = join '', map { chr rand 256 } 1 .. 5000;
    my $url   = $ann->upload($bytes, name => 'long.bin')->must->{url};
    my $whole = $ann->download($url);
    my $two = $ann->download($url, Range => 'bytes=0-1');
    is_deeply [$two->code, $two->body, $two->headers->content_range], [206, substr($bytes, 0, 2), 'bytes 0-1/5000'], 'the first two';
    is_deeply $_->headers->every_header('Accept-Ranges'), ['bytes'], 'there may be more' for $whole, $two;
    my $end = $ann->download($url, Range => 'bytes=-500');
    is_deeply [$end->code, $end->body, $end->headers->content_range], [206, substr($bytes, -500), 'bytes 4500-4999/5000'], 'the last 500';
    is $ann->download($url, Range => 'bytes=5000-')->code, 416, 'beyond the end';
    my $again = $ann->download($url, 'If-None-Match' => $whole->headers->etag);
    is_deeply [$again->code, $again->body], [304, ''], 'not again if it is known';
    my $head = $ann->download($url, method => 'HEAD');
    is_deeply [$head->code, $head->body, $head->headers->content_length], [200, '', 5000], 'HEAD';
    is $whole->headers->header('X-Content-Type-Options'), 'nosniff';
    is $whole->headers->cache_control, 'private, no-cache';
};

subtest 'served inert' => sub {
    my %types = (
        "<html><script>alert(1)</script></html>" => qr{\Atext/html\z}, '<svg xmlns="http://www.w3.org/2000/svg"/>' => qr{\Aimage/svg\+xml\z},
        "plain \xe4\xf6" => qr{\Atext/plain\z}, "\x01\x02\x03\x04" => qr{\Aapplication/octet-stream\z},
    );
    for my $bytes (sort keys %types) {
        my $answer = $ann->download($ann->upload($bytes, name => 'x.html')->must->{url});
        like $answer->headers->content_type, $types{$bytes}, 'its type, without a charset';
        like $answer->headers->content_disposition, qr/\Aattachment;/, 'to be saved';
        is $answer->headers->header('Content-Security-Policy'), "default-src 'none'; sandbox", 'and never to run';
    }
    my $picture = $ann->download($ann->upload($samples->png, type => 'image', name => 'x.html')->must->{url});
    is $picture->headers->content_type, 'image/png', 'a picture is one whatever its name';
    like $picture->headers->content_disposition, qr/\Ainline;/;
};

subtest 'a picture of a phone' => sub {
    my $trailer = $samples->film;
    my $file = $ann->upload($samples->jpeg(orientation => 6, profile => 'p3', trailer => $trailer), name => 'IMG_1.jpg', type => 'image')->must;
    is_deeply [@$file{qw(width height mimeType)}], [240, 640, 'image/jpeg'], 'is upright';
    my %is = (url => [240, 640], thumbUrl => [120, 320]);
    for my $part (sort keys %is) {
        my $bytes = $ann->download($file->{$part})->body;
        ok $bytes !~ /HERE-/, "$part tells no place";
        my $header = $samples->ask($bytes, qw(vipsheader -a FILE));
        is_deeply [map { $header =~ /^$_: (\d+)/m } qw(width height)], $is{$part}, 'is upright';
        unlike $header, qr/^(icc-profile-data|orientation: [2-8])/m, 'has neither profile nor orientation left';
        my ($x, $top, $bottom) = ($is{$part}[0] / 2, 20, $is{$part}[1] - 20);
        like $samples->ask($bytes, qw(vips getpoint FILE), $x, $top), qr/\A(?:19[5-9]|20[0-5])[\d.]* (?:2[5-9]|3[0-5])[\d.]* /, 'red is up';
        like $samples->ask($bytes, qw(vips getpoint FILE), $x, $bottom), qr/ (?:19[5-9]|20[0-5])[\d.]*\s*\z/, 'blue is down, in sRGB';
    }
};

subtest 'pictures' => sub {
    my %sent = (
        png => $samples->png, webp => $samples->webp, gif => $samples->gif,
        apng => $samples->png($samples->moving('png')), awebp => $samples->webp($samples->moving('webp'), width => 64, height => 48),
    );
    my %moves = (gif => 1, apng => 1, awebp => 1);
    for my $kind (sort keys %sent) {
        ok $sent{$kind} =~ /HERE-/, "the $kind tells where it is from";
        my $file  = $ann->upload($sent{$kind}, name => $kind, type => 'image')->must;
        my $bytes = $ann->download($file->{url})->body;
        ok $bytes !~ /HERE-/, 'no longer';
        is $file->{fileSize}, length $bytes, 'its size';
        is_deeply [@$file{qw(width height)}], $moves{$kind} ? [64, 48] : [640, 240], 'its sides';
        is $file->{mimeType}, 'image/' . ($kind =~ s/\Aa(?=png|webp)//r), 'its type';
        is frames($bytes), $moves{$kind} ? 10 : 1, 'its frames';
        my $thumb = $ann->download($file->{thumbUrl});
        like $thumb->headers->content_type, qr{\Aimage/(?:jpeg|webp)\z}, 'a small one';
        my @sides = $samples->ask($thumb->body, qw(vipsheader FILE)) =~ /: (\d+)x(\d+) /;
        cmp_ok max(@sides), '<=', 320;
        ok $thumb->body !~ /HERE-/;
    }
};

subtest 'what browsers do not show' => sub {
    my %sent = map { ($_ => $samples->told("other.$_")) } qw(heic avif tif);
    my %is   = (heic => ['image/jpeg', 'IMG_7.jpg', 'jpegload'], tif => ['image/jpeg', 'IMG_7.jpg', 'jpegload'], avif => ['image/avif', 'IMG_7.avif', 'heifload']);
    for my $ending (sort keys %sent) {
        my ($type, $name, $loader) = @{ $is{$ending} };
        ok $sent{$ending} =~ /HERE-/, "the $ending tells where it is from" if $ending ne 'tif';    # vips writes none into it
        my $file = $ann->upload($sent{$ending}, name => "IMG_7.$ending", type => 'image')->must;
        is_deeply [@$file{qw(fileName mimeType width height)}], ["IMG_7.$ending", $type, 640, 240], "what is shown of it is $type";
        my $answer = $ann->download($file->{url});
        like $answer->headers->content_disposition, qr/filename="\Q$name"/, 'called so';
        like $samples->ask($answer->body, qw(vipsheader FILE)), qr/640x240 uchar, 3 bands, srgb, $loader/, 'and can be read';
        ok $answer->body !~ /HERE-/, 'without its place';
        is defined $file->{originalUrl}, $ending eq 'heic', 'the original is kept of HEIC alone';
        next if !$file->{originalUrl};
        my $original = $ann->download($file->{originalUrl});
        is $original->headers->content_type, 'image/heic', 'as it was';
        like $original->headers->content_disposition, qr/filename="IMG_7\.heic"/, 'under its name';
        like $samples->ask($original->body, qw(vipsheader FILE)), qr/640x240 uchar, 3 bands, srgb, heifload/, 'to be read';
        ok $original->body !~ /HERE-/, 'but for its place';
    }
    my $heic = $sent{heic};
    for my $at (map { int rand length $heic } 1 .. ($ENV{IM_LONG} ? 300 : 10)) {
        substr(my $broken = $heic, $at, 1) = chr rand 256;
        like $ann->upload($broken, type => 'image')->code, qr/\A(?:200|7001)\z/, "with another byte at $at it is taken or refused";
    }
};

# Pictures in it, as ffmpeg and libvips count them.
sub frames ($bytes) {
    return $1 if $samples->ask($bytes, qw(vipsheader -a FILE)) =~ /^n-pages: (\d+)/m;
    return $samples->ask($bytes, qw(ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 FILE)) =~ /(\d+)/ ? $1 : 0;
}

subtest 'what is no picture' => sub {
    my $png = $samples->png;
    my %not = (
        'HTML' => '<html></html>', 'SVG' => '<svg xmlns="http://www.w3.org/2000/svg"/>', 'PDF' => "%PDF-1.4\n", 'ZIP' => "PK\3\4" . "\0" x 30,
        'half of one' => substr($png, 0, 60), 'a film' => $samples->film, 'nothing' => '',
    );
    $ann->upload($not{$_}, name => 'a.jpg', type => 'image')->refused(7001, $_) for sort keys %not;
    my $gifjs = "GIF89a/*" . "\0" x 20 . '*/=1;alert(1)';
    $ann->upload($gifjs, name => 'a.gif', type => 'image')->refused(7001, 'GIF and JavaScript at once');
    my $both = $ann->upload($samples->jpeg(trailer => "PK\3\4 an archive"), type => 'image')->must;
    ok $ann->download($both->{url})->body !~ /an archive/, 'of JPEG and ZIP at once the JPEG remains';
    $im->sql(q{update im.setting set value = '100000' where name = 'file.image_pixels'});
    my $many = $ann->upload($png, type => 'image');
    $many->refused(7001, 'too many pixels');
    like $many->text, qr/too many pixels/, 'and says so';
    $im->sql(q{update im.setting set value = preset where name = 'file.image_pixels'});
};

subtest 'voice and video' => sub {
    my %voice = (
        webm => 'audio/webm', mp4 => 'audio/mp4', '3gp' => 'audio/3gpp', m4a => 'audio/mp4', mp3 => 'audio/mpeg', ogg => 'audio/ogg',
        wav => 'audio/wav', aac => 'audio/aac', flac => 'audio/flac', caf => 'audio/x-caf', amr => 'audio/amr',
    );
    my %how = ('3gp' => [qw(-c:a aac)], mp4 => [qw(-c:a libopus)], caf => [qw(-c:a pcm_s16be)]);
    delete $voice{amr};    # no writer of it is free
    for my $ending (sort keys %voice) {
        my $file = $ann->upload($samples->voice($ending, @{ $how{$ending} // [] }), name => "v.$ending", type => 'voice')->must;
        is $file->{mimeType}, $voice{$ending}, "$ending is a voice";
        ok abs($file->{duration} - 1) < 0.2, 'a second long' or diag $file->{duration};
        ok $ann->download($file->{url})->body !~ /HERE-/, 'without its tags' if $ending ne 'caf';
    }
    for my $silk ("#!SILK_V3\1\2\3", "\2#!SILK_V3\1\2\3") {
        is $ann->upload($silk, name => 'a.amr', type => 'voice')->must->{mimeType}, 'audio/silk', 'SILK, of which nobody knows how long it is';
    }
    my %video = (mp4 => 'video/mp4', mov => 'video/quicktime', webm => 'video/webm', mkv => 'video/x-matroska', avi => 'video/x-msvideo');
    %how = (webm => [qw(-c:v libvpx -c:a libopus -deadline realtime)]);
    for my $ending (sort keys %video) {
        my $film = $samples->film($ending, @{ $how{$ending} // [] });
        ok $film =~ /HERE-/, "the $ending tells where it is from";
        my $file = $ann->upload($film, name => "f.$ending", type => 'video')->must;
        is_deeply [@$file{qw(mimeType width height)}], [$video{$ending}, 160, 120], 'is a film';
        ok abs($file->{duration} - 1) < 0.2, 'a second long' or diag $file->{duration};
        my $bytes = $ann->download($file->{url})->body;
        ok $bytes !~ /HERE-/, 'without its place';
        unlike $samples->ask($bytes, qw(ffprobe -v error -show_format FILE)), qr/2026-01-02/, 'and date';
        is $ann->download($file->{thumbUrl})->headers->content_type, 'image/jpeg', 'its first picture';
        $ann->upload($film, type => 'voice')->refused(7001, 'and no voice');
    }
    $ann->upload($samples->voice('webm'), type => 'video')->refused(7001, 'a voice is no film');
    $ann->upload($_, type => 'voice')->refused(7001, 'no voice') for 'hello', '', $samples->jpeg, "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n";
};

subtest 'who may read it' => sub {
    my ($url, $thumb) = @{ $ann->upload($samples->jpeg, type => 'image')->must }{qw(url thumbUrl)};
    for my $form ($url, $url =~ s/.*=//r) {
        is $ann->download($form)->code, 200, "its uploader, by $form";
        $_->ask_file($form)->refused(404, 'nobody else') for $bob, $cat;
    }
    my $message = hand($ann, $bob, $url, 2)->must;
    is $bob->download($_)->code, 200, 'whom it was sent to' for $url, $thumb;
    $cat->ask_file($url)->refused(404, 'not a third');
    hand($cat, $bob, $url)->refused(2001, 'she has no friend there');
    $im->befriend($bob, $cat);
    hand($cat, $bob, $url)->refused(404, 'who may not read it cannot send it');
    hand($cat, $bob, encode_json({ url => $url, name => 'x' }))->refused(404, 'nor in JSON');
    hand($cat, $bob, "see $url", 1)->must;
    $cat->ask_file($url)->refused(404, 'words give nothing');
    my $on = hand($bob, $cat, encode_json({ name => '图', url => $url, thumbUrl => $thumb }))->must;
    is $cat->download($url)->code, 200, 'who may read it sends it on';
    $ann->delete("/message/private/recall/$message->{id}")->must;
    is $bob->download($url)->code, 200, 'whoever has it in another conversation still may';
    $bob->delete("/message/private/recall/$on->{id}")->must;
    $_->ask_file($url)->refused(404, 'nobody after the recall') for $bob, $cat;
    is $ann->download($url)->code, 200, 'but its uploader';
};

subtest 'groups and profiles' => sub {
    my $dan   = $im->user('dan');
    $im->befriend($ann, $dan);
    my $group = $im->group($ann, $bob);
    my $url   = $ann->upload('minutes', name => 'minutes.txt')->must->{url};
    $ann->post('/message/group/send', { groupId => $group, content => $url, messageType => 3 })->must;
    is $bob->download($url)->code, 200, 'a member';
    $ann->post('/group/invite', { groupId => $group, memberIds => [$dan->id] })->must;
    $dan->ask_file($url)->refused(404, 'not one who came later');
    $bob->delete("/group/quit/$group")->must;
    $bob->ask_file($url)->refused(404, 'nor one who has left');

    my ($face, $other) = map { $ann->upload($samples->jpeg, type => 'image')->must->{url} } 1, 2;
    $cat->ask_file($face)->refused(404, 'a picture that nobody shows');
    $bob->put('/user/update', { headImage => $face })->refused(404, 'nobody shows what is not his');
    $ann->put('/user/update', { headImage => $url })->refused(404, 'nor what is no picture');
    $ann->put('/user/update', { headImage => $face })->must;
    is $cat->download($face)->code, 200, 'a profile is for everybody';
    $ann->put('/user/update', { headImage => $other })->must;
    $cat->ask_file($face)->refused(404, 'as long as it shows it');
    $ann->put('/group/modify', { groupId => $group, groupAvatar => $face })->must;
    is $cat->download($face)->code, 200, 'so is a group';
    $dan->put('/group/modify', { groupId => $group, groupAvatar => $other })->refused(3003, 'which not everybody changes');
};

# --- forms that are none, and urls that are not ours ---

# A form by hand: its parts, each head and bytes; what is left out of it.
sub form ($boundary, @parts) {
    return join('', map {"--$boundary\r\n$_->[0]\r\n\r\n$_->[1]\r\n"} @parts) . "--$boundary--\r\n";
}

sub by_hand ($body, $type = 'multipart/form-data; boundary=b') { return $ann->raw(POST => '/file/upload', $body, 'Content-Type' => $type) }

subtest 'forms' => sub {
    my $head = 'Content-Disposition: form-data; name="file"; filename="a.txt"';
    my $good = form('b', [$head, 'bytes']);
    my %taken = (
        'as it should be'        => [$good],
        'a boundary in quotes'   => [$good, 'multipart/form-data; boundary="b"'],
        'one of 70 characters'   => [form('b' x 70, [$head, 'bytes']), 'multipart/form-data; boundary=' . 'b' x 70],
        'another case'           => [$good =~ s/Content-Disposition/content-disposition/r, 'Multipart/Form-Data; Boundary=b'],
        'words before it'        => ["words\r\n$good"],
        'words after it'         => ["${good}words"],
        'another field'          => [form('b', ['Content-Disposition: form-data; name="x"', 'y'], [$head, 'bytes'])],
        'other headers'          => [form('b', ["Content-Type: text/html\r\n$head\r\nX-Y: z", 'bytes'])],
        'filename* besides'      => [form('b', ["$head; filename*=UTF-8''evil.exe", 'bytes'])],
        'filename* in front'     => [form('b', [q{Content-Disposition: form-data; name="file"; filename*=UTF-8''evil.exe; filename="a.txt"}, 'bytes'])],
        'a semicolon in a name'  => [form('b', ['Content-Disposition: form-data; x="; name=evil"; name="file"; filename="a.txt"', 'bytes'])],
        'a name without quotes'  => [form('b', ['Content-Disposition: form-data; name=file; filename=a.txt', 'bytes'])],
        'the boundary of nobody' => [form('b', [$head, 'bytes']), 'multipart/form-data; charset=utf-8; boundary=b'],
    );
    for my $title (sort keys %taken) {
        my $file = by_hand(@{ $taken{$title} })->must;
        is_deeply [@$file{qw(fileName fileSize)}], ['a.txt', 5], "taken: $title";
    }
    my @inner = ("--b", "\r\n--c--\r\n", "\r\n-b", "\r\n--", "\n--b\n", "--b--", "\r\n\r\n--", "a\r\n--a\r\n--");
    for my $bytes (@inner) {
        my $file = by_hand(form('b', [$head, $bytes]))->must;
        ok $ann->download($file->{url})->body eq $bytes, 'bytes like a boundary are bytes';
    }
    my %refused = (
        'no boundary'            => [$good, 'multipart/form-data'],
        'an empty one'           => [$good, 'multipart/form-data; boundary=""'],
        'one of 71 characters'   => [form('b' x 71, [$head, 'bytes']), 'multipart/form-data; boundary=' . 'b' x 71],
        'another type'           => [$good, 'multipart/mixed; boundary=b'],
        'JSON'                   => ['{}', 'application/json'],
        'another boundary'       => [$good, 'multipart/form-data; boundary=c'],
        'no end'                 => [$good =~ s/--b--\r\n\z//r],
        'half an end'            => [$good =~ s/--\r\n\z//r],
        'cut in the bytes'       => ["--b\r\n$head\r\n\r\nby"],
        'cut in the head'        => ["--b\r\n$head"],
        'nothing'                => [''],
        'no parts'               => ["--b--\r\n"],
        'no file'                => [form('b', ['Content-Disposition: form-data; name="type"', 'file'])],
        'a field called file'    => [form('b', ['Content-Disposition: form-data; name="file"', 'bytes'])],
        'two files'              => [form('b', [$head, 'one'], [$head, 'two'])],
        'no name of the field'   => [form('b', ['Content-Disposition: form-data; filename="a.txt"', 'bytes'])],
        'no disposition'         => [form('b', ['Content-Type: text/plain', 'bytes'])],
        'no head'                => ["--b\r\n\r\nbytes\r\n--b--\r\n"],
        'a head without end'     => [form('b', [$head . "\r\nX: " . 'y' x 10_000, 'bytes'])],
        'many lines in a head'   => [form('b', [join("\r\n", $head, map {"X-$_: y"} 1 .. 2000), 'bytes'])],
        'many parts'             => [form('b', (map { ["Content-Disposition: form-data; name=\"f$_\"", 'x'] } 1 .. 40), [$head, 'bytes'])],
        'U+0000 in a head'       => [form('b', ["X: \0\r\n$head", 'bytes'])],
        'a name that is no text' => [form('b', ["Content-Disposition: form-data; name=\"file\"; filename=\"\xff\xfe\"", 'bytes'])],
        'lines that end in LF'   => [$good =~ s/\r//gr],
        'parts in a part'        => [form('b', ['Content-Disposition: form-data; name="file"' . "\r\nContent-Type: multipart/mixed; boundary=c", "--c\r\n$head\r\n\r\nx\r\n--c--"])],
    );
    by_hand(@{ $refused{$_} })->refused(400, "refused: $_") for sort keys %refused;
    is $ann->upload('x' x 100, type => 'x' x 20)->code, 400;
};

subtest 'urls' => sub {
    my $url = $ann->upload('mine')->must->{url};
    my $id  = $url =~ s/.*=//r;
    my @not = (
        "http://evil.example$url", "http://127.0.0.1:@{[$im->port('chat')]}$url", "http://[::1]$url", 'http://169.254.169.254/latest/meta-data',
        "//evil.example$url", 'file:///etc/passwd', "\\file\\download?url=$id", "/file/../file/download?url=$id", "/file/%2e%2e/file/download?url=$id",
        "/file/%252e/download?url=$id", "/file/download?url=$id.evil", "/file/download?url=$id\@evil", "/file/download?url=../../etc/passwd",
        "/files/00/$id", $id =~ tr/a-f/A-F/r . 'x', "$id/", "$id/thumb/..", " $id", '00000000-0000-4000-8000-000000000000', '0', '*', "' or 1=1 --",
    );
    $ann->ask_file($_)->refused(404, $_) for @not, "$id/thumb";
    $ann->ask_file($_)->refused(400, 'length ' . length) for '', 'x' x 501, 'x' x 8000;
    $ann->raw(GET => '/file/download')->refused(400, 'no url');
    $ann->raw(GET => "/file/download?url=$id&url=$id")->refused(400, 'two');
    is $im->stranger->ua->get($im->url('chat') . $_)->result->code, 404, "$_ is nobody's" for '/files/', '/files/00/' . 'a' x 64 . '-1', '/files/../pg/PG_VERSION';
    is $ann->download($id)->code, 200, 'and it is still there';
    my $place = $store->child('00')->make_path;
    chown +(stat $store)[4, 5], $place;    # of every 256th file it is the place
    symlink '/etc/passwd', my $link = $place->child('a' x 64 . '-1');
    $ann->ask_file("/files/00/$id")->refused(404, 'a link in the store is no url');
    unlink $link;
};

# --- what goes wrong ---

# The head of a request, to be followed by a body that is as long as it says.
sub begun ($length, %more) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $im->port('chat')) or die "could not connect: $!\n";
    $socket->autoflush(1);
    print $socket join "\r\n", 'POST /file/upload HTTP/1.1', 'Host: im', 'Authorization: Bearer ' . $ann->access,
        'Content-Type: multipart/form-data; boundary=b', "Content-Length: $length", '', '';
    return $socket;
}

sub nothing_left ($before, $title) {
    ok $im->eventually(10, sub { spooled() == 0 && stored() == $before->[0] && usage() eq $before->[1] }), $title
        or diag 'spooled ', spooled(), ', stored ', stored(), ", usage @{[usage()]}; before: @$before";
}

sub usage () { return $im->sql('select coalesce(sum(bytes), 0) from im.file_usage') . ' of ' . $im->sql('select count(*) from im.file') }

subtest 'who may not upload is told so before the body' => sub {
    my $banned = $im->user('banned');
    $im->sql("update im.account set status = 'banned' where id = @{[$banned->id]}");
    for my $case ([401, 'a stranger'], [401, 'a forged token', 'Authorization: Bearer x.y.z'], [1003, 'who is banned', 'Authorization: Bearer ' . $banned->access]) {
        my ($code, $title, @headers) = @$case;
        for my $path (qw(/file/upload /image/upload /video/upload)) {
            my $raw = IM::Raw->new($im->port('chat'));
            $raw->write(join "\r\n", "POST $path HTTP/1.1", 'Host: x', 'Content-Type: multipart/form-data; boundary=b', 'Content-Length: 90000000', @headers, '', 'x' x 300_000);
            like $raw->read(qr/\}/), qr/\AHTTP\/1\.1 200 .*^X-IM-Code: $code\r\n.*^\{"code":$code,/ms, "$title: $path";
            is_deeply [$im->leftovers], [], 'and nothing of it is on disk';
            $raw->close;
        }
    }
};

subtest 'whoever leaves leaves nothing' => sub {
    my $before = [stored(), usage()];
    my $body = form('b', ['Content-Disposition: form-data; name="file"; filename="left.bin"', join '', map { chr rand 256 } 1 .. 1_000_000]);
    for my $part (0.1, 0.9) {
        my $socket = begun(length $body);
        print $socket substr $body, 0, $part * length $body;
        ok $im->eventually(10, sub { spooled() > 0 }), 'nginx has begun to write it' if $part > 0.5;
        close $socket;
        nothing_left($before, "after $part of it");
    }
    # The decoder is stopped, so that the upload is being examined when its client leaves.
    kill STOP => $im->parts->pids('decoder', 'imdecoder');
    my $idle   = $im->parts->pids('file', 'file');
    my $socket = begun(length $body);
    print $socket $body;
    ok $im->eventually(10, sub { $im->parts->pids('file', 'file') > $idle }), 'it is there to the last byte, and a task at work on it';
    close $socket;
    ok $im->eventually(10, sub { path($im->state, 'log/nginx/current')->slurp =~ m{/file/upload" 499} }), 'nginx knows that nobody waits';
    kill CONT => $im->parts->pids('decoder', 'imdecoder');
    ok $im->eventually(10, sub { path($im->state, 'log/file/current')->slurp =~ /who has uploaded a file has left/ }), 'so does the program, when it has been examined';
    nothing_left($before, 'and keeps nothing');
    is by_hand($body)->must->{fileSize}, 1_000_000, 'the same again works';
    is by_hand(form('b', ['Content-Disposition: form-data; name="file"; filename="odd.bin"', 'x' x 1_048_577]))->must->{fileSize}, 1_048_577, 'a byte more than a MiB';
};

subtest 'too large' => sub {
    my $before = [stored(), usage()];
    my $socket = begun(102 * 1024 * 1024);
    like scalar(readline $socket), qr/ 413 /, 'more than nginx takes';
    close $socket;
    $im->sql(q{update im.setting set value = '1' where name in ('file.file_mib', 'file.image_mib')});
    like $ann->upload('x' x 1_048_577)->text, qr/"code":7001.*size/, 'more than the setting';
    $ann->upload($samples->png . 'x' x 1_048_576, type => 'image')->refused(7001, 'also for pictures');
    is $ann->upload('x' x 1_048_576)->must->{fileSize}, 1_048_576, 'as much as that';
    $im->sql(q{update im.setting set value = preset where name in ('file.file_mib', 'file.image_mib')});
    $im->sql(q{update im.setting set value = '1' where name = 'file.quota_mib'});
    like $ann->upload('y' x 10)->text, qr/"code":7001.*quota/, 'nothing when the quota is used up';
    my $dan  = $im->user('eve');
    my @both = $im->together(map { $dan->upload_p($_ x 700_000) } qw(a b));
    is_deeply [sort map { $_->code } @both], [200, 7001], 'of two that do not fit both, one';
    $im->sql(q{update im.setting set value = preset where name = 'file.quota_mib'});
    nothing_left([$before->[0] + 2, usage()], 'and nothing else is kept');
};

subtest 'the decoder dies of a file' => sub {
    my @decoders;
    ok $im->eventually(10, sub { (@decoders = $im->parts->pids('decoder', 'imdecoder')) == $decoders }), 'none is at work any more';
    for my $decoder (@decoders) {
        is scalar getpwuid((stat "/proc/$decoder")[4]), $> ? scalar getpwuid $> : 'im-chat-decoder', 'who decodes has a user of its own';
        ok path("/proc/$decoder/environ")->slurp !~ /\b(?:IM_|PG)/, 'and nothing of ours in its environment';
    }
    $im->parts->sv('decoder', 'down');
    $ann->upload($samples->jpeg, type => 'image')->refused(7001, 'that upload is refused');
    is $ann->upload('x')->must->{mimeType}, 'application/octet-stream', 'a file needs no decoder';
    $im->parts->sv('decoder', 'up');
    ok $im->eventually(10, sub { $ann->upload($samples->jpeg, type => 'image')->code eq 200 }), 'the next is not';
    $im->allow(qr/no answer from the decoder/);
};

subtest 'a disk that is full' => sub {
    plan skip_all => 'only root mounts' if $>;
    my $before = [stored(), usage()];
    my $bytes = join '', map { chr rand 256 } 1 .. 3_000_000;
    my $tmpfs = sub ($folder) { system('mount', '-t', 'tmpfs', '-o', "size=1m,mode=0700,uid=@{[(stat $folder)[4]]}", 'tmpfs', $folder) == 0 };
    my $body  = path($im->state, 'nginx/tmp/body');
    SKIP: {
        $tmpfs->($store) or skip 'no mounts here', 9;
        $im->parts->sv('clerk', 'restart');
        is $ann->upload($bytes)->code, 500, 'the store cannot take it';
        is stored(), 0, 'nothing of it is there';
        my $small;    # the task that gave up ends when it has said so, and gives back its room then
        ok $im->eventually(10, sub { ($small = $ann->upload('small'))->code eq 200 }), 'a small one fits';
        is $small->must->{fileSize}, 5, 'all of it';
        system 'umount', '-l', $store;
        is $im->sql(q{select count(*) from im.file where not stored}), 0, 'nor a row';
        $tmpfs->($body);
        is $ann->upload($bytes)->code, 502, 'nginx cannot take it';
        ok $im->eventually(10, sub { $body->list_tree->size == 0 }), 'nothing of it is there';
        is $ann->get('/user/self')->code, 200, 'small bodies go on';
        is $ann->upload('small')->code, 200, 'also as files';
        system 'umount', '-l', $body;
    }
    $im->parts->sv('clerk', 'restart');
    is $ann->upload($bytes)->must->{fileSize}, 3_000_000, 'and then it works again';
    $im->allow(qr/could not store an upload: No space left|pwrite\(\) .* failed \(28|No space left on device/);
};

# The store on a disk of its own, which is copied as it is at the moment of the answer: what a machine has that loses its power then.
subtest 'a disk that loses its power' => sub {
    plan skip_all => 'only root mounts' if $>;
    my $owner = (stat $store)[4];
    my ($disk, $after, $there) = map { path($samples->folder, $_) } qw(disk after there);
    truncate $disk->open('>'), 32 << 20;
    SKIP: {
        system("mkfs.ext4 -q $disk && mount -o loop,commit=300 $disk $store && chown $owner $store && chmod 0700 $store") == 0 or skip 'no mounts here', 4;
        my %sent = map { ($_ => $_ . join '', map { chr rand 256 } 1 .. 100_001) } qw(one two);
        for my $name (sort keys %sent) {
            $ann->upload($sent{$name}, name => $name)->must;
            is system('cp', $disk, $after), 0, "$name is answered, and the power fails";
            system("mkdir -p $there && mount -o loop $after $there") == 0 or die "could not mount the copy\n";
            my @kept = $there->list_tree->map(sub ($file, @) { $file->slurp })->each;
            ok +(grep { $_ eq $sent{$name} } @kept), 'it is there, to the last byte' or diag scalar(@kept), ' files';
            system 'umount', $there;
        }
        system 'umount', '-l', $store;
    }
    my $gone = q{name in ('one', 'two')};
    $im->sql("update im.file set unused_since = now() - interval '25 hours', created_at = now() - interval '25 hours' where $gone");
    ok $im->eventually(10, sub { $im->sql("select count(*) from im.file where $gone") == 0 }), 'the rest of the story has none of it';
};

# A hundred MiB, byte for byte, while nobody holds them.
subtest 'a large file' => sub {
    my $large = path($samples->folder, 'large');
    system "head -c 104857600 /dev/urandom >$large" and die "could not write $large\n";
    my @programs = $im->parts->pids('file', 'file');
    my $idle     = max map { memory($_) } @programs;
    my $out      = path($samples->folder, 'answer');
    my $curl     = fork // die "could not fork: $!\n";
    exec 'curl', '-s', '-o', $out, '-H', 'Authorization: Bearer ' . $ann->access, '-F', "file=\@$large;filename=large.bin", $im->url('chat') . '/file/upload' if !$curl;
    my $most = 0;
    while (waitpid($curl, 1) == 0) {    # WNOHANG; its tasks are children of the same name
        $most = max $most, map { memory($_) } $im->parts->pids('file', 'file');
        $im->run(0.01);
    }
    cmp_ok $most - $idle, '<=', 8192, 'the program and its tasks grow by 8 MiB at most' or diag "$idle KiB, then $most";
    my ($url) = $out->slurp =~ /"url":"([^"]+)"/;
    my $back  = path($samples->folder, 'back');
    system('curl', '-s', '-o', $back, '-H', 'Authorization: Bearer ' . $ann->access, $im->url('chat') . '/file/download?url=' . url_escape($url));
    is system('cmp', '-s', $large, $back), 0, 'and it comes back as it was';
    $_->remove for $large, $back;
};

# KiB of a process, or 0 when it has gone.
sub memory ($pid) { return (eval { path("/proc/$pid/status")->slurp } // '') =~ /^VmRSS:\s+(\d+)/m ? $1 : 0 }

subtest 'whoever is slow holds nobody up' => sub {
    my $before = [stored(), usage()];
    my @slow   = map { my $socket = begun(1_000_000); print $socket "--b\r\n"; $socket } 1 .. 500;
    my $start  = time;
    is $ann->upload('quick')->must->{fileSize}, 5, 'others go on';
    cmp_ok time - $start, '<', 5 * slowness(), 'at once';
    ok $im->eventually(30, sub { (() = IO::Select->new(@slow)->can_read(0)) == @slow }), 'and the slow are left, all of them';
    nothing_left([$before->[0] + 1, usage()], 'with all they have sent');
};

# --- what is kept ---

subtest 'unused files go, with their bytes' => sub {
    my ($url, $other) = map { $ann->upload($_, name => 'gone.txt')->must->{url} } 'to be deleted', 'to be kept';
    hand($ann, $bob, $other)->must;
    my $name = $im->sql("select b.hash || '-' || b.id from im.file f join im.blob b on b.id = f.blob_id where f.id = im.file_id('$url')");
    ok -e $store->child(substr($name, 0, 2), $name), 'its bytes are there';
    $im->sql(q{update im.file set unused_since = unused_since - interval '25 hours', created_at = created_at - interval '25 hours'});
    ok $im->eventually(10, sub { !-e $store->child(substr($name, 0, 2), $name) }), 'a day later they are not';
    $ann->ask_file($url)->refused(404, 'nor is the file');
    is $bob->download($other)->body, 'to be kept', 'what is shown is';
    is $ann->download($ann->upload('to be deleted')->must->{url})->body, 'to be deleted', 'and the same bytes may come again';
};

subtest 'the address of the server changes' => sub {
    my $old = $ann->upload('before')->must->{url};
    $im->config->{IM_URL} = 'https://im.example.org/chat';
    $im->up;
    my $new = $ann->upload('after')->must->{url};
    like $new, qr{\Ahttps://im\.example\.org/chat/file/download\?url=}, 'urls begin with it';
    is $ann->download($new)->body, 'after', 'and are good';
    is $ann->download($old)->body, 'before', 'as are the old ones';
    hand($ann, $bob, $_)->must for $old, $new;
    is $bob->download($new)->body, 'after', 'also in messages';
};

$im->end;
done_testing;
