# file-kinds: files of some forty kinds, made by the programs that make them: what is stored of each and how it is served.
# The table is printed; file(8) says the rules that it shows.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Samples;
use IM::Stack;
use List::Util qw(max);
use Mojo::File qw(path);
use Mojo::Util qw(b64_decode encode url_escape);
use Test::More;

my $im      = IM::Stack->new;
my $ann     = $im->user('ann');
my $made    = IM::Samples->new;
my $browser = IM::Browser->new(media => 1, deadline => 60);
my $page    = $browser->page($im->url('chat'));
my $PLACE   = $made->place;

# In the page: what a browser makes and sends, as a page of a chat does.
$page->run(<<'END', { token => $ann->access });
    window.send = async (blob, type) => {
        const form = new FormData();
        form.append('file', blob);
        form.append('type', type);
        return (await fetch('/file/upload', {method: 'POST', headers: {accessToken: token}, body: form})).json();
    };
    window.paint = type => new Promise(done => {
        const canvas = Object.assign(document.createElement('canvas'), {width: 640, height: 240});
        const ink = canvas.getContext('2d');
        ink.fillStyle = 'red';
        ink.fillRect(0, 0, 320, 240);
        canvas.toBlob(done, type);
    });
    // A busy machine may encode no picture in a second: then longer.
    window.record = async (type, mark) => {
        const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: mark != ''});
        for (let milliseconds = 1500; ; milliseconds *= 2) {
            const recorder = new MediaRecorder(stream, {mimeType: type}), parts = [];
            recorder.ondataavailable = event => parts.push(event.data);
            recorder.start();
            await new Promise(done => setTimeout(done, milliseconds));
            await new Promise(done => { recorder.onstop = done; recorder.stop() });
            const blob = new Blob(parts, {type});
            if (milliseconds > 20000 || (await blob.text()).includes(mark)) {
                stream.getTracks().forEach(track => track.stop());
                return blob;
            }
        }
    };
END
sub painted ($type) { return sub { $page->run('return send(await paint(type), "image")', { type => $type }) } }
sub recorded ($type, $mark) {
    return sub { $page->run('return send(await record(type, mark), mark ? "video" : "voice")', { type => $type, mark => $mark }) };
}

# What a command makes of a file with that ending, which it finds as OUT; IN is one that is there.
sub by ($ending, $in, @command) {
    my $folder = path($made->folder);
    my ($from, $out) = ($folder->child('in'), $folder->child("out.$ending"));
    $from->open('>:raw')->print($in);
    unlink $out;
    system(map { s/\bOUT\b/$out/gr =~ s/\bIN\b/$from/gr } @command) == 0 or die "$command[0] failed\n";
    return $out->slurp;
}
sub python ($ending, $program) { return by($ending, '', '/usr/bin/python3', '-c', $program) }

my $png  = $made->png;
my $jpeg = $made->jpeg(orientation => 6, profile => 'p3');
my $amr  = by('amr', $made->voice('wav', qw(-ar 8000 -ac 1)), qw(sox -t wav IN -t amr-nb OUT));
my @place = ('-metadata', "location=$PLACE", '-metadata', "title=$PLACE");
my @film  = (qw(-f lavfi -i testsrc=size=176x144:rate=10:duration=1));
my @sound = (qw(-f lavfi -i sine=duration=1));

# type, kind, writer, its bytes or how a page sends them, the type served; sides, seconds, some of them; place: it tells one
my @KINDS = (
    [image => 'JPEG of a phone, turned, P3', 'vips', $jpeg, 'image/jpeg', sides => [240, 640], place => 1],
    [image => 'JPEG', 'Chromium', painted('image/jpeg'), 'image/jpeg', sides => [640, 240]],
    [image => 'PNG', 'Chromium', painted('image/png'), 'image/png', sides => [640, 240]],
    [image => 'WebP', 'Chromium', painted('image/webp'), 'image/webp', sides => [640, 240]],
    [image => 'MPO, two pictures', 'Pillow', by('mpo', $jpeg, '/usr/bin/python3', '-c',
        'from PIL import Image; i = Image.open("IN"); i.save("OUT", "MPO", save_all=True, append_images=[i], exif=i.getexif())'), 'image/jpeg', sides => [240, 640], place => 1],
    [image => 'motion photo, JPEG and MP4', 'vips, ffmpeg', $made->jpeg(trailer => $made->film), 'image/jpeg', sides => [640, 240], place => 1],
    [image => 'PNG with text and EXIF', 'vips', $png, 'image/png', sides => [640, 240], place => 1],
    [image => 'PNG, animated', 'ffmpeg', $made->png($made->moving('png')), 'image/png', sides => [64, 48], place => 1],
    [image => 'GIF, animated', 'ffmpeg', $made->gif, 'image/gif', sides => [64, 48], place => 1],
    [image => 'WebP, animated', 'ffmpeg', $made->webp($made->moving('webp'), width => 64, height => 48), 'image/webp', sides => [64, 48], place => 1],
    [image => 'AVIF', 'heif-enc', by('avif', $made->jpeg, qw(heif-enc -q 60 -A IN -o OUT)), 'image/avif', sides => [640, 240], place => 1],
    [image => 'HEIC', 'heif-enc', by('heic', $made->jpeg, qw(heif-enc -q 60 IN -o OUT)), 'image/jpeg', sides => [640, 240], place => 1],
    [image => 'TIFF', 'vips', $made->told('kind.tif'), 'image/jpeg', sides => [640, 240]],

    [voice => 'WebM, Opus', 'Chromium', recorded('audio/webm', ''), 'audio/webm', some => 1],
    [voice => 'MP4, Opus', 'Chromium', recorded('audio/mp4', ''), 'audio/mp4', some => 1],
    [voice => 'AMR', 'sox', $amr, 'audio/amr', seconds => 1],
    [voice => '3GP, AMR', 'sox, ffmpeg', by('3gp', $amr, qw(ffmpeg -v error -y -f amr -i IN -c copy), @place, 'OUT'), 'audio/3gpp', seconds => 1, place => 1],
    [voice => 'M4A, AAC', 'ffmpeg', $made->voice('m4a'), 'audio/mp4', seconds => 1, place => 1],
    [voice => 'AAC, ADTS', 'ffmpeg', $made->voice('aac'), 'audio/aac', seconds => 1],
    [voice => 'CAF, ALAC', 'ffmpeg', $made->voice('caf', qw(-c:a alac)), 'audio/x-caf', seconds => 1, place => 1],
    [voice => 'MP3', 'ffmpeg', $made->voice('mp3'), 'audio/mpeg', seconds => 1, place => 1],
    [voice => 'Ogg, Opus', 'ffmpeg', $made->voice('ogg', qw(-c:a libopus)), 'audio/ogg', seconds => 1, place => 1],
    [voice => 'WAV', 'ffmpeg', $made->voice('wav'), 'audio/wav', seconds => 1, place => 1],
    [voice => 'FLAC', 'ffmpeg', $made->voice('flac'), 'audio/flac', seconds => 1, place => 1],
    [voice => 'SILK', 'by hand: there is no writer', "#!SILK_V3\1\2\3", 'audio/silk'],
    [voice => 'SILK after a byte', 'by hand', "\2#!SILK_V3\1\2\3", 'audio/silk'],

    [video => 'WebM, VP8', 'Chromium', recorded('video/webm;codecs=vp8,opus', 'V_VP8'), 'video/webm', some => 1],
    [video => 'MP4, VP9', 'Chromium', recorded('video/mp4', 'vmhd'), 'video/mp4', some => 1],
    [video => 'MP4, H.264', 'ffmpeg', $made->ffmpeg('mp4', @film, @sound, qw(-c:v libx264 -shortest), @place), 'video/mp4', sides => [176, 144], seconds => 1, place => 1],
    [video => 'MOV, H.265', 'ffmpeg', $made->ffmpeg('mov', @film, @sound, qw(-c:v libx265 -x265-params log-level=error -tag:v hvc1 -shortest), @place), 'video/quicktime', sides => [176, 144], seconds => 1, place => 1],
    [video => 'Matroska', 'ffmpeg', $made->film('mkv'), 'video/x-matroska', sides => [160, 120], seconds => 1, place => 1],
    [video => '3GP, H.263 and AMR', 'sox, ffmpeg', by('3gp', $amr, qw(ffmpeg -v error -y), @film, qw(-f amr -i IN -c:v h263 -c:a copy -shortest), @place, 'OUT'),
        'video/3gpp', sides => [176, 144], seconds => 1, place => 1],
    [video => 'AVI, MPEG-4', 'ffmpeg', $made->film('avi'), 'video/x-msvideo', sides => [160, 120], seconds => 1, place => 1],

    [file => 'PDF', 'Chromium', b64_decode($page->call('Page.printToPDF')->{data}), 'application/pdf'],
    [file => 'a saved page', 'Chromium', encode('UTF-8', $page->call('Page.captureSnapshot')->{data}), 'message/rfc822'],
    [file => 'DOCX', 'python-docx', python('docx', 'import docx; d = docx.Document(); d.add_paragraph("x"); d.save("OUT")'),
        'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    [file => 'XLSX', 'openpyxl', python('xlsx', 'import openpyxl; w = openpyxl.Workbook(); w.active["A1"] = 1; w.save("OUT")'),
        'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    [file => 'ZIP', 'zip', by('zip', $png, qw(zip -q OUT IN)), 'application/zip'],
    [file => 'e-mail', 'Python', python('eml', 'from email.message import EmailMessage; from email.policy import SMTP; m = EmailMessage(); '
        . 'm["From"] = "a@example.org"; m["Subject"] = "\u4f60\u597d"; m.set_content("x"); m.add_attachment(b"y", "image", "png"); open("OUT", "wb").write(m.as_bytes(policy=SMTP))'), qr{\A(?:message/rfc822|text/plain)\z}],
    [file => 'HTML', 'Chromium', encode('UTF-8', $page->run('return "<!doctype html>" + document.documentElement.outerHTML')), 'text/html'],
    [file => 'SVG', 'qrencode', by('svg', '', qw(qrencode -t SVG -o OUT x)), 'image/svg+xml'],
    [file => 'text, GBK', 'iconv', by('txt', encode('UTF-8', '你好，世界'), 'sh', '-c', 'iconv -f UTF-8 -t GBK IN >OUT'), 'text/plain'],
    [file => 'a JPEG, to be kept as it is', 'vips', $jpeg, 'image/jpeg'],
);

my @table = 'type | kind | made by | bytes | stored | served as | sides | seconds | thumbnail';
for my $row (@KINDS) {
    my ($type, $kind, $writer, $bytes, $mime, %is) = @$row;
    subtest "$type: $kind, made by $writer" => sub {
        my $sent = ref $bytes ? undef : $bytes;
        like $sent, qr/HERE-/, 'tells where it is from' if $is{place};
        my $answer = ref $bytes ? $bytes->() : undef;
        is $answer->{code}, 200, 'is taken' or return diag explain $answer if $answer;
        my $file = $answer ? $answer->{data} : $ann->upload($sent, name => 'a.bin', type => $type)->must;
        my $got  = $ann->download($file->{url});
        ref $mime ? like($file->{mimeType}, $mime, 'its type') : is $file->{mimeType}, $mime, 'its type';
        is $got->headers->content_type, $file->{mimeType}, 'as which it is served';
        like $got->headers->content_disposition, $type eq 'file' ? qr/\Aattachment;/ : qr/\Ainline;/, $type eq 'file' ? 'to be saved' : 'to be shown';
        is $got->headers->header('X-Content-Type-Options'), 'nosniff';
        is length $got->body, $file->{fileSize}, 'so large';
        ok $got->body eq $sent, 'byte for byte' if $type eq 'file';
        ok $got->body !~ /HERE-/, 'without its place' if $type ne 'file' && $writer !~ /hand/;
        ok $got->body !~ /ftyp(?:isom|qt)/, 'without a film behind it' if $kind =~ /motion/;
        ok $sent =~ /MPF\0/ && $got->body !~ /MPF\0/, 'with one picture of two' if $kind =~ /MPO/;
        is_deeply [@$file{qw(width height)}], $is{sides}, 'its sides' if $is{sides};
        ok abs($file->{duration} - $is{seconds}) < 0.8, 'its seconds' or diag $file->{duration} if $is{seconds};
        ok $file->{duration} > 0.1, 'some seconds' if $is{some};
        my $thumb = $file->{thumbUrl} && $ann->download($file->{thumbUrl});
        is !!$thumb, $type =~ /image|video/, 'a small picture' . ($type =~ /image|video/ ? '' : ' there is none');
        if ($thumb) {
            my @sides = $made->ask($thumb->body, qw(vipsheader FILE)) =~ /: (\d+)x(\d+) /;
            ok @sides && max(@sides) <= 320 && $thumb->body !~ /HERE-/, 'is small, and tells no place';
        }
        push @table, join ' | ', $type, $kind, $writer, $sent ? length $sent : '', $file->{fileSize}, $file->{mimeType},
            $file->{width} ? "$file->{width}x$file->{height}" : '', $file->{duration} // '', $thumb ? $thumb->headers->content_type : '';
    };
}
note "| $_ |" for @table;

# --- what a browser saves ---

subtest 'a browser saves a file under its name' => sub {
    my $folder = path($made->folder, 'saved')->make_path;
    $browser->call('Browser.setDownloadBehavior', { behavior => 'allow', downloadPath => "$folder", browserContextId => $page->context });
    $page->call('Network.enable');
    $page->call('Network.setExtraHTTPHeaders', { headers => { accessToken => $ann->access } });
    my %saved = ('漢字, 汉字 "引" 🧧.pdf' => '漢字, 汉字 _引_ 🧧.pdf', 'a%20b%.txt' => 'a%20b%.txt', '100% sure.txt' => '100% sure.txt', 'back\\slash.txt' => 'back_slash.txt');
    for my $name (sort keys %saved) {
        my $file = $ann->upload("bytes of $name" =~ s/[^ -~]//gr, name => $name)->must;
        $page->call('Page.navigate', { url => $im->url('chat') . '/file/download?url=' . url_escape($file->{url}) });
        my $there = $folder->child(encode 'UTF-8', $saved{$name});
        ok $im->eventually(20, sub { -s $there }), encode('UTF-8', "$name as $saved{$name}") or diag $folder->list->join(' ');
    }
};

$im->end;
done_testing;
