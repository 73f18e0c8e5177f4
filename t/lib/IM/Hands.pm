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
use Mojo::JSON qw(to_json);

has [qw(browser url)];
has page => sub ($self) { $self->_open };

my $HANDS = <<'END';
    window.seen = (selector, text) => [...document.querySelectorAll(selector)].find(one => !text || one.textContent.includes(text) || one.value === text);
    window.until = async (what, deadline) => {
        for (const end = Date.now() + deadline;;) {
            const found = what();
            if (found) return found;
            if (Date.now() > end) throw new Error('it does not come; on the page: ' + document.body.innerText.slice(0, 1500));
            await new Promise(done => setTimeout(done, 20));
        }
    };
    window.put = (field, text) => {
        const prototype = Object.getPrototypeOf(field);
        if (field.type === 'checkbox') return field.checked === !!text || field.click();
        Object.getOwnPropertyDescriptor(prototype, 'value').set.call(field, text);
        for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, {bubbles: true}));
    };
END

# Every document that the page opens has them.
sub _open ($self) {
    my $page = $self->browser->page('about:blank');
    $page->call('Page.addScriptToEvaluateOnNewDocument', { source => $HANDS });
    $page->call('Emulation.setDeviceMetricsOverride', { width => 1360, height => 900, deviceScaleFactor => 1, mobile => \0 });
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
    return $self->$way("const one = await until(() => seen(selector, text), $self->{wait}); $then", { text => undef, %names });
}

sub new ($class, @options) {
    my $self = $class->SUPER::new(@options);
    $self->{wait} = 900 * $self->browser->deadline;    # less than the browser is given
    return $self;
}

sub see  ($self, $selector, $text = undef) { return $self->_when('return one.textContent.trim()', selector => $selector, text => $text) }
sub gone ($self, $selector, $text = undef) { return $self->look("await until(() => !seen(selector, text), $self->{wait}); return true", { selector => $selector, text => $text }) }
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

# What axe-core finds wrong: a line each.
sub faults ($self, $axe) {
    $self->run("$axe; return null") if !$self->run('return !!window.axe');
    return @{ $self->run(<<'END') };
        await Promise.all(document.getAnimations().filter(one => one.effect.getTiming().iterations < Infinity).map(one => one.finished.catch(() => null)));
        const {violations} = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']});
        return violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 120)).join(' | ')}`);
END
}

1;
