# browser: pages of other origins in a real one.  A page of IM_ORIGINS calls all three ports and reads whatever it is
# answered, by a program or by nginx; any other page reads nothing.  What a browser sends and shows is not what its
# standards are remembered to say: the preflights of two ports had once no answer.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Site;
use IM::Stack;
use Mojo::File;
use Test::More;

my $PAGE = '<!doctype html><link rel="icon" href="data:,"><title>chat</title>';
my ($site, $other) = map { IM::Site->new(page => $PAGE, host => $_) } qw(127.0.0.1 localhost);
my ($ours, $foreign) = map { $_->url } $site, $other;
my $im  = IM::Stack->new(IM_RATE_LIMIT => 'on', IM_ORIGINS => "https://chat.example.org $ours/");
my ($ann, $bob) = $im->users(qw(ann bob));
my %url     = map { ($_ => $im->url($_)) } qw(chat backstage redpacket);
my $browser = IM::Browser->new(media => 1);

# In the page: ask(url, options) answers [HTTP status, code, X-IM-Code], or what the browser says.
my $ASK = <<'END';
    window.ask = (url, options) => fetch(url, options)
        .then(async answer => [answer.status, (await answer.json()).code, Number(answer.headers.get('X-IM-Code'))])
        .catch(error => String(error));
    window.post = (url, token, body) => ask(url, {method: 'POST', headers: {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + token,
        'Idempotency-Key': String(Math.random())}, body: JSON.stringify(body || {})});
    window.connect = url => new Promise(done => {
        const socket = new WebSocket(url);
        socket.onopen = () => { socket.close(); done('open') };
        socket.onclose = event => done(event.code);
    });
END
my %calls = (chat => ['/friend/request/apply', $ann->access], backstage => ['/im/recharge/approve', $im->admin->access], redpacket => ['/red/packet/rob', $ann->access]);

subtest 'a page of ours' => sub {
    my $page = $browser->page($ours);
    $page->run($ASK);
    for my $service (sort keys %url) {
        my ($path, $token) = @{ $calls{$service} };
        my $names = { url => $url{$service}, path => $path, token => $token };
        is_deeply $page->run('return post(url + path, token)', $names), [200, 400, 400], "$service: JSON with a token, and its answer's code";
        is_deeply $page->run('return post(url + path, "x")', $names), [200, 401, 401], "$service: a refused token";
        is_deeply $page->run('return ask(url + "/nothing", {method: "DELETE"})', $names), [404, 404, 404], "$service: a path that is none";
        is_deeply $page->run('return ask(url + path + "?" + "x".repeat(9000))', $names), [414, 400, 400], "$service: an address too long";
        is_deeply $page->run('return ask(url + path + "%0")', $names), [400, 400, 400], "$service: one that nginx does not understand";
        is_deeply $page->run('return post(url + path, "x".repeat(9000))', $names), [431, 400, 400], "$service: a header too long";
        is_deeply $page->run('return post(url + path, token, {x: "x".repeat(70000)})', $names), [413, 413, 413], "$service: a body too long";
    }
    my %names = (%url, token => $ann->access, ws => $url{backstage} =~ s/^http/ws/r . '/ws?accessToken=');
    is_deeply $page->run('return Promise.all(Array.from({length: 40}, () => ask(chat + "/user/search?name=ann", {headers: {accessToken: token}})))'
            . '.then(all => all.find(one => one[1] != 200))', \%names), [429, 429, 429], 'too many searches';
    is_deeply $page->run('return Promise.all(Array.from({length: 130}, () => post(chat + "/login", token))).then(all => all.find(one => one[1] == 429))', \%names),
        [429, 429, 429], 'too many log-ins';
    is_deeply $page->run('return ask(chat + "/refreshToken", {method: "PUT", headers: {refreshToken: "x"}})', \%names), [200, 401, 401], 'a refresh token in its header';
    is $page->run('return connect(ws + token)', \%names), 'open', 'a WebSocket';
    is $page->run('return connect(ws + "x")', \%names), 1006, 'of one that is refused the page learns nothing';
    is_deeply $page->run('return ask(chat + "/user/self", {headers: {Authorization: "Bearer x"}})', \%names), [200, 401, 401], 'so it asks, and learns why';
    $im->parts->sv($_, 'down') for qw(friend backstage redpacket);
    is_deeply $page->run('return post(url, token)', { url => $url{$_} . $calls{$_}[0], token => $calls{$_}[1] }), [502, 502, 502], "$_: a program that is away"
        for sort keys %url;
    $im->parts->sv($_, 'up') for qw(friend backstage redpacket);
};

subtest 'the browser itself' => sub {
    my $page = $browser->page($ours);
    is $page->run('return document.title + name', { name => '聊天' }), 'chat聊天', 'a page is open, and runs what it is given';
    is eval { $page->run('throw new Error("no")'); 1 }, undef, 'what it throws arrives here';
    is_deeply $page->run('return (await navigator.mediaDevices.getUserMedia({audio: true, video: true})).getTracks().map(track => track.kind).sort()'),
        [qw(audio video)], 'it has a camera and a microphone';
    my $picture = Mojo::File::tempfile;
    like $page->shot($picture)->browser && $picture->slurp, qr/\A\x89PNG/, 'and can be seen';
    is_deeply $page->errors, [], 'its console is clean';
    $page->run('console.error("seven", 7); return null');
    is_deeply $page->errors, ['seven 7'], 'or is not';
};

subtest 'a page of somebody else' => sub {
    my $page = $browser->page($foreign);
    $page->run($ASK);
    for my $service (sort keys %url) {
        my $names = { url => $url{$service} . $calls{$service}[0], token => $calls{$service}[1] };
        like $page->run('return post(url, token)', $names), qr/TypeError/, "$service: does not ask";
        like $page->run('return ask(url)', $names), qr/TypeError/, "$service: does not read";
    }
    is $page->run('return connect(url)', { url => $url{$_} =~ s/^http/ws/r . '/ws?accessToken=' . $ann->access }), 1006, "$_: does not connect" for qw(chat backstage);
    is scalar(grep {/CORS/} @{ $page->errors }), 6, 'and the browser says why';
};

$im->allow(qr/connect\(\) to unix:\S+ failed|client intended to send too large body/);
$im->end;
done_testing;
