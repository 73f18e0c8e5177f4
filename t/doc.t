# doc: /doc.html of each service in a real browser: the contract as a page that loads nothing from elsewhere, and from which
# a request can be tried with a token.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Hands;
use IM::Stack;
use Mojo::File qw(path);
use Mojo::UserAgent;
use Test::More;

my $im      = IM::Stack->new(IM_RATE_LIMIT => 'on');
my $ann     = $im->user('ann');
my $browser = IM::Browser->new(deadline => 90);
my %token   = (chat => $ann->access, backstage => $im->admin->access, redpacket => $ann->access);
my %try     = (chat => ['user-userSelf', qr/"username": "ann"/], backstage => ['finance-imFundCheck', qr/"ok": true/],
    redpacket => ['redpacket-redPacketIsRob', qr/"code": 403/]);

for my $service (qw(chat backstage redpacket)) {
    subtest $service => sub {
        my $page = IM::Hands->new(browser => $browser, url => $im->url($service) . '/doc.html');
        like $page->see('.info .title'), qr/^IM/, 'the page shows its contract';
        my ($operation, $expected) = @{ $try{$service} };
        my $names = { operation => "#operations-$operation", token => $token{$service} };
        $page->run('(await wait(".btn.authorize")).click(); await type("#auth-bearer-value", token); '
            . '(await wait(".modal-btn.authorize")).click(); (await wait(".btn-done")).click(); return null', $names);
        my $answer = $page->run('(await wait(operation + " .opblock-summary-control")).click(); (await wait(operation + " .try-out__btn")).click(); '
            . '(await wait(operation + " .execute")).click(); return (await wait(operation + " .live-responses-table .response-col_description .highlight-code")).textContent', $names);
        like $answer, $expected, 'a request tried out with a token is answered';
        is_deeply $page->errors, [], 'the console is clean';
        my @elsewhere = grep { index($_, $im->url($service)) } @{ $page->run('return performance.getEntriesByType("resource").map(one => one.name).filter(one => !one.startsWith("data:"))') };
        is_deeply \@elsewhere, [], 'and nothing came from elsewhere';
        $page->shot("doc-$service");
    };
}

# The chat client and the console are files of nginx, under a policy that lets them load nothing from elsewhere.
subtest 'the applications' => sub {
    my $ua = Mojo::UserAgent->new;
    for my $service (qw(chat backstage)) {
        my $answer = $ua->get($im->url($service) . '/')->result;
        is $answer->code, 200, "$service: there is a page at /";
        like $answer->headers->header('Content-Security-Policy') // '', qr/^default-src 'none'; script-src 'self'; style-src 'self';/, 'scripts and styles of its own only';
        my $page = IM::Hands->new(browser => $browser, url => $im->url($service) . '/');
        ok $page->run('await wait("#page > *"); return true'), 'which shows something';
        is_deeply $page->errors, [], 'and the console is clean';
    }
    is $ua->get($im->url('chat') . "/$_")->result->code, 404, "/$_ is nobody's" for qw(app/nothing.js app/ lib/ lib/../chat/index.html);
    is $ua->get($im->url('redpacket') . '/')->result->code, 404, 'the red-packet service has no page';
};

subtest 'what the page may do' => sub {
    my $ua = Mojo::UserAgent->new;
    for my $service (qw(chat backstage redpacket)) {
        my $answer = $ua->get($im->url($service) . '/doc.html')->result;
        my $policy = $answer->headers->header('Content-Security-Policy') // '';
        like $policy, qr/^default-src 'none'; script-src 'self';/, "$service: scripts of its own only";
        unlike $policy, qr/unsafe|http/, 'none in the page, and none of others';
        like $ua->get($im->url($service) . '/parts/swagger-ui/LICENSE')->result->body, qr/Apache License/, 'their licence is beside them';
    }
};

$im->end;
done_testing;
