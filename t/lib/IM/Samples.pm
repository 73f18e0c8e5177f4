package IM::Samples;

# Files as phones, browsers and programs make them, written at test time: by vips and ffmpeg, and by hand where metadata
# is put in.  Whatever tells a place or a time holds the text of place().
#
# What has been made once is there for the next who wants it.
#
#     my $samples = IM::Samples->new;
#     $samples->jpeg(orientation => 6);
#     $samples->ffmpeg('mp4', qw(-f lavfi -i testsrc=d=1 …));

use Mojo::Base -base, -signatures;
use File::Temp ();
use Mojo::File qw(path);

has folder => sub { File::Temp->newdir };

sub place ($self) {'HERE-31.2304N-121.4737E'}

# --- pictures -----------------------------------------------------------------------------------------------------

# A landscape picture, red on the left and blue on the right, as vips writes it; profile p3 says these colours in that.
sub picture ($self, $name, $profile = undef, $options = '') {
    return $self->{pictures}{ join ' ', $name, $profile // '', $options } //= $self->_picture($name, $profile, $options);
}

sub _picture ($self, $name, $profile, $options) {
    my $file = $self->folder . "/$name";
    my $halves = $self->folder . '/halves.v';
    if (!-e $halves) {
        my $f = $self->folder;
        _run(vips => 'black', "$f/plain.v", 320, 240, '--bands', 3);
        _run(vips => 'linear', "$f/plain.v", "$f/red.v", '0 0 0', '200 30 30', '--uchar');
        _run(vips => 'linear', "$f/plain.v", "$f/blue.v", '0 0 0', '30 30 200', '--uchar');
        _run(vips => 'join', "$f/red.v", "$f/blue.v", "$f/raw.v", 'horizontal');
        _run(vips => 'copy', "$f/raw.v", $halves, '--interpretation', 'srgb');
    }
    _run($profile ? (vips => 'icc_transform', $halves, "$file$options", $profile) : (vips => 'copy', $halves, "$file$options"));
    return path($file)->slurp;
}

# The phone's JPEG in another format, as vips writes it: with its EXIF.
sub told ($self, $name) {
    my $from = path($self->folder, 'told.jpg');
    $from->open('>')->print($self->jpeg);
    _run(vips => 'copy', "$from", $self->folder . "/$name");
    return path($self->folder, $name)->slurp;
}

# EXIF with an orientation, and the place in several of its tags.
sub exif ($self, $orientation = 1) {
    my $text = $self->place . "\0";
    my $gps  = "ASCII\0\0\0$text";
    my @ifd0 = ([0x10f, 2, length $text, $text], [0x112, 3, 1, pack 'vv', $orientation, 0], [0x8825, 4, 1, undef]);
    my $data_at = 8 + 2 + 12 * @ifd0 + 4;
    my $gps_at  = $data_at + length($text) + length($text) % 2;
    my $ifd     = pack 'v', scalar @ifd0;
    $ifd .= pack('vvV', @$_[0 .. 2]) . (!defined $_->[3] ? pack('V', $gps_at) : length $_->[3] > 4 ? pack('V', $data_at) : $_->[3]) for @ifd0;
    $ifd .= pack('V', 0) . $text . ("\0" x (length($text) % 2));
    my $gps_data = $gps_at + 2 + 24 + 4;
    $ifd .= pack('v', 2) . pack('vvVa4', 1, 2, 2, "N\0") . pack('vvVV', 0x1b, 7, length $gps, $gps_data) . pack('V', 0) . $gps;
    return "II*\0" . pack('V', 8) . $ifd;
}

# A JPEG of a phone: EXIF in front, behind its end a film of what came before, with a place of its own.
sub jpeg ($self, %o) {
    my $bytes = $self->picture('phone.jpg', $o{profile}, '[Q=95]');
    my $exif  = "Exif\0\0" . $self->exif($o{orientation} // 1);
    $bytes =~ s/\A\xff\xd8(?:\xff\xe1(..)(?{ 0 }))?//s;
    $bytes = substr $bytes, unpack('n', $1) - 2 if defined $1;
    return "\xff\xd8\xff\xe1" . pack('n', 2 + length $exif) . $exif . $bytes . ($o{trailer} // '');
}

# A PNG with the place in text, EXIF and time.
sub png ($self, $bytes = $self->picture('plain.png')) {
    my $text = "Comment\0" . $self->place;
    my $more = join '', map { _png_chunk(@$_) } [tEXt => $text], [eXIf => $self->exif], [tIME => pack 'nC5', 2026, 1, 2, 3, 4, 5];
    return substr($bytes, 0, 33) . $more . substr($bytes, 33) . 'trailer ' . $self->place;
}

sub _png_chunk ($type, $data) {
    require Compress::Zlib;
    return pack('N', length $data) . $type . $data . pack 'N', Compress::Zlib::crc32($type . $data);
}

# A WebP with EXIF and XMP chunks.
sub webp ($self, $bytes = $self->picture('plain.webp', undef, '[strip]'), %size) {
    my ($width, $height) = ($size{width} // 640, $size{height} // 240);
    my $chunks = substr $bytes, 12;
    my $x = "VP8X" . pack('VV', 10, 0) . substr(pack('V', $width - 1), 0, 3) . substr(pack('V', $height - 1), 0, 3);
    ($x, $chunks) = (substr($chunks, 0, 18), substr $chunks, 18) if $chunks =~ /\AVP8X/;
    substr($x, 8, 1) |= "\x0c";
    my $all = $x . $chunks . join '', map { _webp_chunk(@$_) } [EXIF => $self->exif], ['XMP ' => '<x>' . $self->place . '</x>'];
    return 'RIFF' . pack('V', 4 + length $all) . 'WEBP' . $all;
}

sub _webp_chunk ($type, $data) { return $type . pack('V', length $data) . $data . ("\0" x (length($data) % 2)) }

# A GIF with a comment and XMP.
sub gif ($self, $bytes = $self->moving('gif')) {
    my $table = ord(substr $bytes, 10, 1) & 0x80 ? 3 << ((ord(substr $bytes, 10, 1) & 7) + 1) : 0;
    my $place = $self->place;
    my $more  = "\x21\xfe" . chr(length $place) . $place . "\0" . "\x21\xff\x0bXMP DataXMP" . chr(length $place) . $place . "\0";
    return substr($bytes, 0, 13 + $table) . $more . substr $bytes, 13 + $table;
}

# Ten frames, in that format.
sub moving ($self, $format) {
    return $self->ffmpeg($format, qw(-f lavfi -i testsrc=size=64x48:rate=10:duration=1 -plays 0 -f), $format eq 'png' ? 'apng' : $format)
        if $format eq 'png';
    return $self->ffmpeg($format, qw(-f lavfi -i testsrc=size=64x48:rate=10:duration=1 -loop 0));
}

# --- recordings -----------------------------------------------------------------------------------------------------

# What ffmpeg writes to a file with that ending.
sub ffmpeg ($self, $ending, @arguments) {
    my $file = $self->folder . "/made.$ending";
    return $self->{made}{ join ' ', $ending, @arguments } //= do {
        _run('ffmpeg', qw(-nostdin -v error -y), @arguments, $file);
        path($file)->slurp;
    };
}

# A phone's film of a second, with its place and date.
sub film ($self, $ending = 'mp4', @arguments) {
    return $self->ffmpeg($ending, qw(-f lavfi -i testsrc=size=160x120:rate=10:duration=1 -f lavfi -i sine=duration=1 -shortest),
        '-metadata', 'location=' . $self->place, '-metadata', 'comment=' . $self->place, qw(-metadata creation_time=2026-01-02T03:04:05Z), @arguments);
}

# Spoken words, so to speak.
sub voice ($self, $ending, @arguments) {
    return $self->ffmpeg($ending, qw(-f lavfi -i sine=duration=1), '-metadata', 'title=' . $self->place, @arguments);
}

# What a tool says of bytes: its output.
sub ask ($self, $bytes, @command) {
    my $file = path($self->folder, 'asked');
    $file->open('>')->print($bytes);
    open my $out, '-|', map { $_ eq 'FILE' ? "$file" : $_ } @command or die "could not run $command[0]: $!\n";
    local $/;
    return scalar readline $out;
}

sub _run (@command) { system(@command) == 0 or die "@command failed\n" }

1;
