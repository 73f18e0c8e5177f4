package IM::Hands;

# Somebody at a page of IM::Browser: looks, types and clicks as a person does, and waits for what comes.
#
#     my $mia = IM::Hands->new(browser => $browser, url => $im->url('backstage') . '/');
#     $mia->type('input[name=username]', 'mia')->click('button', '登录');
#     $mia->see('h1', '总览');               # the text of the first that says so, when it is there
#     $mia->gone('.fault');
#
# What does not come within the browser's deadline ends the story, with what was on the page.

use Mojo::Base -base, -signatures;
use Mojo::Util qw(decode);

has [qw(browser url)];
has size => sub { [1360, 900] };    # of the window; a phone's, when it is narrow
has 'language';                     # of a reader who has chosen one
has page => sub ($self) { $self->_open };

# Scripts of stories say the same: wait(selector, text) is see() there.
my $HANDS = <<'END';
    window.seen = (selector, text) => [...document.querySelectorAll(selector)].find(one => !text || one.textContent.includes(text) || one.value === text);
    window.until = async (what, deadline = PATIENCE) => {
        for (const end = Date.now() + deadline;;) {
            const found = await what();
            if (found) return found;
            if (Date.now() > end) throw new Error('it does not come; on the page: ' + document.body.innerText.slice(0, 1500));
            await new Promise(done => setTimeout(done, 20));
        }
    };
    window.wait = (selector, text) => until(() => seen(selector, text));
    window.texts = selector => [...document.querySelectorAll(selector)].map(one => one.textContent);
    window.put = (field, text) => {
        const prototype = Object.getPrototypeOf(field);
        if (field.type === 'checkbox') return field.checked === !!text || field.click();
        Object.getOwnPropertyDescriptor(prototype, 'value').set.call(field, text);
        for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, {bubbles: true}));
    };
    window.type = async (selector, text) => {
        const field = await wait(selector);
        field.focus();
        put(field, text);
        if (field.tagName === 'TEXTAREA') field.setSelectionRange(text.length, text.length);
        await new Promise(done => setTimeout(done, 30));
    };
    window.click = async (selector, text) => (await wait(selector, text)).click();
    window.press = (selector, key, more = {}) => document.querySelector(selector).dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...more}));
END

# Every document that the page opens has them.
sub _open ($self) {
    my $page = $self->browser->page('about:blank');
    my ($width, $height) = @{ $self->size };
    $page->call('Page.addScriptToEvaluateOnNewDocument', { source => $HANDS =~ s/PATIENCE/$self->{wait}/r });
    $page->call('Emulation.setUserAgentOverride', { userAgent => 'Mozilla/5.0 Chrome', acceptLanguage => $self->language }) if $self->language;
    $page->call('Emulation.setDeviceMetricsOverride', { width => $width, height => $height, deviceScaleFactor => 1, mobile => $width < 600 ? \1 : \0 });
    return $page->open($self->url);
}

sub run ($self, $body, $names = {}) { return $self->page->run($body, $names) }

# What only looks does so again when the page is loaded anew meanwhile.
sub look ($self, $body, $names = {}) {
    my @seen;
    for my $try (1 .. 5) {
        return $seen[0] if eval { @seen = $self->run($body, $names); 1 };
        die $@ if $try == 5 || $@ !~ /navigated or closed|context was destroyed|Cannot find .*context/;
    }
}

sub _when ($self, $then, %names) {
    my $way = $then =~ /\Areturn / ? 'look' : 'run';
    return $self->$way("const one = await wait(selector, text); $then", { text => undef, %names });
}

sub new ($class, @options) {
    my $self = $class->SUPER::new(@options);
    $self->{wait} = 900 * $self->browser->deadline;    # less than the browser is given
    return $self;
}

sub see  ($self, $selector, $text = undef) { return $self->_when('return one.textContent.trim()', selector => $selector, text => $text) }
sub gone ($self, $selector, $text = undef) { return $self->look('await until(() => !seen(selector, text)); return true', { selector => $selector, text => $text }) }
sub count ($self, $selector) { return $self->look('return document.querySelectorAll(selector).length', { selector => $selector }) }
sub texts ($self, $selector) { return @{ $self->look('return [...document.querySelectorAll(selector)].map(one => one.textContent.trim())', { selector => $selector }) } }

# A click may lead away from the page, before it is said that it was done.
sub click ($self, $selector, $text = undef) {
    eval { $self->_when('one.click()', selector => "$selector:not(:disabled)", text => $text); 1 } or $@ =~ /navigated or closed|context was destroyed/ or die $@;
    return $self;
}

sub type ($self, $selector, $given) { $self->_when('put(one, given)', selector => $selector, given => $given); return $self }
sub key ($self, $key) {
    $self->page->call('Input.dispatchKeyEvent', { type => $_, key => $key, code => $key, $key =~ /^.$/ && $_ eq 'keyDown' ? (text => $key) : (),
        windowsVirtualKeyCode => { Enter => 13, Escape => 27, ArrowDown => 40, ArrowUp => 38 }->{$key} // ord uc $key }) for qw(keyDown keyUp);
    return $self;
}

# To another place of the page: what follows #.
sub go ($self, $hash) { $self->look('location.hash = hash', { hash => $hash }); return $self }
sub at ($self) { return $self->run('return location.hash') }
sub errors ($self) { return $self->page->errors }

# As a picture, where IM_SHOTS wants them.
sub shot ($self, $name) { $self->page->shot("$ENV{IM_SHOTS}/$name.png") if $ENV{IM_SHOTS}; return $self }

# What axe-core finds wrong by these groups of its rules, or by all: a line each.
sub faults ($self, $axe, @groups) {
    $self->page->call('Runtime.evaluate', { expression => decode('UTF-8', $axe) }) if !$self->run('return !!window.axe');
    return @{ $self->run(<<'END', { groups => \@groups }) };
        await Promise.all(document.getAnimations().filter(one => one.effect.getTiming().iterations < Infinity).map(one => one.finished.catch(() => null)));
        const {violations} = await axe.run(document, {...(groups.length ? {runOnly: groups} : {}), resultTypes: ['violations']});
        return violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(' | ')}`);
END
}

1;
