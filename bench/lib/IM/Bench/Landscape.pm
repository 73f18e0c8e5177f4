package IM::Bench::Landscape;

# Pictures that look like something, made of nothing: hills under a sky, as PNG.  The number chooses which.

use v5.36;
use Compress::Zlib qw(compress crc32);
use Exporter qw(import);

our @EXPORT_OK = qw(landscape);

# Sky above and at the horizon, sun, hills from far to near.
my @MOODS = (
    [[94, 155, 200], [232, 214, 180], [255, 244, 214], [126, 152, 150], [78, 117, 104], [42, 79, 66]],
    [[44, 52, 96], [226, 138, 104], [255, 214, 150], [110, 88, 122], [70, 60, 98], [36, 34, 62]],
    [[132, 190, 186], [240, 240, 222], [255, 255, 245], [158, 184, 152], [104, 146, 108], [58, 104, 76]],
    [[168, 188, 210], [246, 228, 226], [255, 240, 236], [176, 164, 182], [134, 128, 156], [88, 92, 124]],
);

sub landscape ($width, $height, $number = 0) {
    my ($top, $low, $sun, @hills) = @{ $MOODS[$number % @MOODS] };
    my ($sun_x, $sun_y, $radius) = ($width * (0.25 + 0.5 * (($number * 7 % 10) / 10)), $height * 0.3, $height * 0.07);
    my @ridges = map { my $n = $_; [map { ridge($_ / $width, $n, $number) * $height } 0 .. $width - 1] } 0 .. $#hills;
    my $data = '';
    for my $y (0 .. $height - 1) {
        my $part = $y / $height / 0.75;
        $part = 1 if $part > 1;
        my $sky = pack 'C3', map { $top->[$_] + ($low->[$_] - $top->[$_]) * $part } 0 .. 2;
        my $row = '';
        for my $x (0 .. $width - 1) {
            my $hill;
            for my $n (reverse 0 .. $#hills) { $hill = $n, last if $y > $ridges[$n][$x] }
            $row .= defined $hill ? pack('C3', @{ $hills[$hill] })
                : ($x - $sun_x)**2 + ($y - $sun_y)**2 < $radius**2 ? pack('C3', @$sun) : $sky;
        }
        $data .= "\0$row";
    }
    return "\x89PNG\r\n\x1a\n" . chunk(IHDR => pack 'NNCCCCC', $width, $height, 8, 2, 0, 0, 0) . chunk(IDAT => compress($data)) . chunk('IEND', '');
}

sub ridge ($x, $n, $number) {
    return 0.5 + 0.14 * $n - 0.08 * sin(3 * $x + $n * 2 + $number) - 0.05 * sin(7.3 * $x + $n + $number * 1.7) - 0.015 * sin(23 * $x + $n * 3);
}

sub chunk ($type, $data) { return pack('N', length $data) . $type . $data . pack('N', crc32("$type$data")) }

1;
