package IM::Browser;

# A real browser, Debian's Chromium without a window, spoken to by its DevTools protocol.
#
#     my $browser = IM::Browser->new;                     # or ->new(media => 1): a false camera and microphone
#     my $page    = $browser->page('http://127.0.0.1:1234/');
#     my $value   = $page->run('return (await fetch(x)).status', { x => $url });    # an async function's body
#     $page->shot('page.png');
#     is_deeply $page->errors, [], 'nothing on the console';
#
# The browser ends with its object, or its process, and leaves nothing behind.

use Mojo::Base -base, -signatures;
use File::Temp;
use Mojo::File qw(path);
use Mojo::IOLoop;
use Mojo::UserAgent;
use POSIX ();
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

has deadline => 20;
has media    => 0;
has folder => sub { File::Temp->newdir('/tmp/im-browser.XXXXXX') };
has ua     => sub { Mojo::UserAgent->new(inactivity_timeout => 0, connect_timeout => 5) };
has [qw(pid socket)];

my @ARGUMENTS = (
    qw(--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --no-proxy-server),
    qw(--disable-background-networking --disable-component-update --disable-sync --disable-extensions --mute-audio),
    '--disable-features=Translate,OptimizationHints,MediaRouter', '--remote-debugging-port=0',
);
my @MEDIA = qw(--use-fake-device-for-media-stream --use-fake-ui-for-media-stream --autoplay-policy=no-user-gesture-required);

sub new ($class, %options) { return $class->SUPER::new(%options)->_start }

# Chromium writes its port, and the path of its socket, into the profile.
sub _start ($self) {
    my $profile = $self->folder->dirname;
    my $pid = fork // die "could not fork: $!\n";
    if (!$pid) {
        POSIX::setpgid(0, 0);
        open STDIN,  '<', '/dev/null';
        open STDOUT, '>', "$profile/output";
        open STDERR, '>&', \*STDOUT;
        $ENV{HOME} = $profile;
        { exec qw(setpriv --pdeathsig KILL chromium), @ARGUMENTS, $self->media ? @MEDIA : (), "--user-data-dir=$profile", 'about:blank' }
        POSIX::_exit(127);
    }
    $self->pid($pid);
    my $port = path($profile, 'DevToolsActivePort');
    $self->_until(sub { -s $port && $port->slurp =~ /\n\S/ }) or die "Chromium does not start:\n" . path($profile, 'output')->slurp;
    my ($number, $path) = split /\n/, $port->slurp;
    weaken(my $weak = $self);
    $self->ua->websocket("ws://127.0.0.1:$number$path" => sub ($ua, $tx) {
        die "Chromium does not talk\n" if !$tx->is_websocket;
        $tx->max_websocket_size(1 << 28);
        $tx->on(json => sub ($tx, $said) { $weak->_said($said) if $weak });
        $weak->socket($tx);
    });
    $self->_until(sub { $self->socket }) or die "Chromium does not talk\n";
    return $self;
}

# An answer goes to whoever asked, an event to its page.
sub _said ($self, $said) {
    return $self->{answers}{ $said->{id} } = $said if $said->{id};
    my $page = $self->{pages}{ $said->{sessionId} // '' } // return;
    my $of   = $said->{params};
    $page->{loaded} = 1 if $said->{method} eq 'Page.loadEventFired';
    push @{ $page->errors }, $of->{exceptionDetails}{exception}{description} // $of->{exceptionDetails}{text}
        if $said->{method} eq 'Runtime.exceptionThrown';
    push @{ $page->errors }, join ' ', map { $_->{value} // $_->{description} // '' } @{ $of->{args} }
        if $said->{method} eq 'Runtime.consoleAPICalled' && $of->{type} eq 'error';
    push @{ $page->errors }, join ' ', grep {defined} @{ $of->{entry} }{qw(text url)} if $said->{method} eq 'Log.entryAdded' && $of->{entry}{level} eq 'error';
}

# One command of the protocol: its result.
sub call ($self, $method, $parameters = {}, $session = undef, $deadline = $self->deadline) {
    my $id = ++$self->{calls};
    $self->socket->send({ json => { id => $id, method => $method, params => $parameters, $session ? (sessionId => $session) : () } });
    $self->_until(sub { $self->{answers}{$id} }, $deadline) or die "Chromium does not answer $method\n";
    my $answer = delete $self->{answers}{$id};
    die "$method: $answer->{error}{message}\n" if $answer->{error};
    return $answer->{result};
}

# A page of its own, cookies and storage included, opened at the address.
sub page ($self, $url) {
    my $context = $self->call('Target.createBrowserContext')->{browserContextId};
    my $target  = $self->call('Target.createTarget', { url => 'about:blank', browserContextId => $context })->{targetId};
    my $session = $self->call('Target.attachToTarget', { targetId => $target, flatten => \1 })->{sessionId};
    my $page    = $self->{pages}{$session} = IM::Browser::Page->new(session => $session, context => $context);
    weaken($page->browser($self)->{browser});
    $page->call("$_.enable") for qw(Page Runtime Log);
    return $page->open($url);
}

sub _until ($self, $condition, $deadline = $self->deadline) {
    my $over;
    my $timer = Mojo::IOLoop->timer($deadline => sub { $over = 1 });
    my $tick  = Mojo::IOLoop->recurring(0.02 => sub { });
    Mojo::IOLoop->one_tick until $over || $condition->();
    Mojo::IOLoop->remove($_) for $timer, $tick;
    return !$over;
}

sub DESTROY ($self) {
    return if !$self->pid;
    local ($?, $@);
    kill KILL => -$self->pid;
    waitpid $self->pid, 0;
    my $end = time + $self->deadline;
    sleep 0.02 while kill(0 => -$self->pid) && time < $end;    # the others of its group still write into the folder
}

package IM::Browser::Page;

use Mojo::Base -base, -signatures;
use Mojo::File qw(path);
use Mojo::JSON qw(to_json);
use Mojo::Util qw(b64_decode);

has errors => sub { [] };    # what the console shows as such
has [qw(browser session context)];

sub call ($self, $method, $parameters = {}) { return $self->browser->call($method, $parameters, $self->session) }

sub open ($self, $url) {
    $self->{loaded} = 0;
    my $error = $self->call('Page.navigate', { url => $url })->{errorText};
    die "$url: $error\n" if $error;
    $self->browser->_until(sub { $self->{loaded} }) or die "$url does not load\n";
    return $self;
}

# Runs JavaScript, the body of an async function that sees the names; what it returns, or dies of what it throws.
sub run ($self, $body, $names = {}) {
    my @names  = sort keys %$names;
    my $values = join ', ', map { to_json($names->{$_}) } @names;
    my $result = $self->call('Runtime.evaluate', { expression => "(async (@{[join ', ', @names]}) => { $body })($values)",
        awaitPromise => \1, returnByValue => \1, userGesture => \1 });
    my $thrown = $result->{exceptionDetails};
    die(($thrown->{exception}{description} // $thrown->{text}) . "\n") if $thrown;
    return $result->{result}{value};
}

# A picture of what is seen, as a PNG file.
sub shot ($self, $file) {
    path($file)->open('>:raw')->print(b64_decode($self->call('Page.captureScreenshot', { format => 'png' })->{data}));
    return $self;
}

1;
