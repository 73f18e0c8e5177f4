# chat: the client at / of 8080 in a real browser, on the real stack: two people talk, what peers' users have complained of,
# hostile text, what stays when a session ends or the push instance is killed.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Hands;
use IM::Stack;
use Mojo::File qw(path);
use Mojo::JSON qw(to_json);
use Mojo::UserAgent;
use Test::More;
use Time::HiRes qw(time);

my $root = path($FindBin::Bin)->dirname;

subtest 'what is said in Chinese is there in English' => sub {
    my %english = map { ($_ => 1) } decode_utf8($root->child('web/chat/en.js')->slurp) =~ /'([^']*\p{Han}[^']*)':/g;
    my @missing = grep { !$english{$_} } map { decode_utf8($_->slurp) =~ s{//.*}{}mgr =~ /'([^'\n]*\p{Han}[^'\n]*)'/g }
        grep { $_->basename ne 'en.js' } map { $root->child($_)->list->grep(qr/\.js$/)->each } 'web/chat';
    is_deeply \@missing, [], 'all of it';
};

my $HOSTILE = q{<img src=x onerror="window.broken=1"><script>window.broken=1</script>'"&{{7*7}}};

my $im      = IM::Stack->new;
my ($ann)   = $im->user('ann', nickName => '林安');
my ($bob)   = $im->user('bob', nickName => '波波');
my ($eve)   = $im->user('eve', nickName => '<b>&"\'</b>');
$im->befriend($ann, $bob, $eve);
my $group   = $ann->post('/group/create', { groupName => '<i>读书会</i>', groupNotice => $HOSTILE, memberIds => [$bob->id, $eve->id] })->must->{id};
my $browser = IM::Browser->new(deadline => 300, media => 1);
$im->fund($ann, 50)->arm($ann);

# What people do with this client.
my $DO = <<'END';
    window.enter = async (name, password) => {
        await type('input[name=username]', name);
        await type('input[name=password]', password);
        await click('button.main');
        await wait('.shell');
    };
    window.converse = async name => {
        await until(() => [...document.querySelectorAll('.row-open')].some(one => one.querySelector('strong').textContent === name));
        [...document.querySelectorAll('.row-open')].find(one => one.querySelector('strong').textContent === name).click();
        await until(() => document.querySelector('.talk-head h1')?.textContent === name && document.querySelector('.inner [data-seq], .inner .empty'));
        await wait('.write textarea');
    };
END

# A window of somebody, logged in.
sub window_of ($user, %how) {
    my $page = IM::Hands->new(browser => $browser, url => $im->url('chat') . '/', size => [$how{width} // 1280, 800], language => $how{language} // 'zh-CN');
    $page->run($DO);
    $page->run('await enter(name, password)', { name => $user->name, password => $user->password });
    return $page;
}

sub accessible ($page, $what) {
    state $axe = $root->child('web/parts/axe-core/axe.min.js')->slurp;
    is_deeply [$page->faults($axe)], [], "$what: axe has nothing against it";
}

sub seen ($page, $text) { return $page->run('return texts(".bubble").filter(one => one.includes(text)).length', { text => $text }) }

my $anns = window_of($ann);
my $bobs = window_of($bob);

subtest 'two people talk' => sub {
    $anns->run('await converse("波波"); await type(".write textarea", "你好，波波 👋"); press(".write textarea", "Enter")');
    ok $bobs->run('await wait(".conversation .badge"); await converse("林安"); await wait(".bubble", "你好，波波"); return true'), 'the other one sees it';
    ok $anns->run('await wait(".foot .read", "已读"); return true'), 'and the first that it was read';
    $bobs->run('await type(".write textarea", text); press(".write textarea", "Enter")', { text => $HOSTILE });
    ok $anns->run('await until(() => texts(".bubble .words").includes(text)); return true', { text => $HOSTILE }), 'hostile text is shown as it was written';
    accessible($anns, 'a private chat');
    $anns->run('await click(".act .tool"); await click(".menu button", "撤回"); await click("dialog .main", "撤回")');
    ok $bobs->run('await wait(".day", "撤回了一条消息"); return true'), 'a message is taken back on both sides';
};

subtest 'Enter that confirms pinyin sends nothing' => sub {
    $anns->run('await type(".write textarea", "拼音"); window.sent = texts(".mine .bubble").length');
    $anns->run('const field = document.querySelector(".write textarea"); field.dispatchEvent(new CompositionEvent("compositionstart")); press(".write textarea", "Enter", {isComposing: true, keyCode: 229});
        field.dispatchEvent(new CompositionEvent("compositionend"))');
    is $anns->run('await new Promise(done => setTimeout(done, 100)); return document.querySelector(".write textarea").value'), '拼音', 'as Chromium and Firefox say it';
    $anns->run('const field = document.querySelector(".write textarea"); field.dispatchEvent(new CompositionEvent("compositionstart")); field.dispatchEvent(new CompositionEvent("compositionend"));
        press(".write textarea", "Enter", {keyCode: 229})');
    is $anns->run('await new Promise(done => setTimeout(done, 100)); return document.querySelector(".write textarea").value'), '拼音', 'as Safari does: the composition ends first';
    $anns->run('press(".write textarea", "Enter", {keyCode: 13}); await wait(".mine .bubble", "拼音")');
    is seen($anns, '拼音'), 1, 'the next Enter sends';
};

subtest 'what was typed outlives the session' => sub {
    $anns->run('await type(".write textarea", "写到一半")');
    $im->kills('push');
    $im->parts->sv('push', 'restart');
    $ann->post('/logout', { all => Mojo::JSON->true })->must;
    $anns->run('await wait(".door"); await enter(name, password); await converse("波波")', { name => $ann->name, password => $ann->password });
    is $anns->run('return document.querySelector(".write textarea").value'), '写到一半', 'it is where it was';
    $anns->run('press(".write textarea", "Enter", {keyCode: 13}); await wait(".mine .bubble", "写到一半"); await until(() => !document.querySelector(".sending"))');
    ok $im->eventually(30, sub { $im->sql("select count(*) from im.message where content = '写到一半'") == 1 }), 'and goes out once';
    ok $bobs->run('await wait(".bubble", "写到一半"); return true'), 'also to who was connected when the push instance was killed';
};

subtest 'the line under the eye stays where it is' => sub {
    $ann->login->must;
    my $picture = $ann->upload(png(400, 300), name => '山.png', type => 'image')->must;
    my $content = to_json({ map { ($_ => $picture->{$_}) } qw(url thumbUrl fileName width height) });
    $ann->many(map { ['POST', '/message/private/send', { receiverId => $eve->id, content => $_ % 3 ? "第 $_ 行" : $content, messageType => $_ % 3 ? 1 : 2 }] } 1 .. 100);
    $anns->run('await converse(name)', { name => '<b>&"\'</b>' });
    my $moved = $anns->run(<<'END');
        const box = document.querySelector('.messages');
        await until(() => document.querySelectorAll('.line').length > 30 && box.scrollTop > 1500);
        box.scrollTop = 300;
        box.dispatchEvent(new Event('scroll'));
        const line = [...box.querySelectorAll('[data-seq]')].find(one => one.getBoundingClientRect().bottom > box.getBoundingClientRect().top + 8);
        const [seq, top] = [line.dataset.seq, line.getBoundingClientRect().top];
        const first = () => Number(box.querySelector('[data-seq]').dataset.seq);
        const before = first();
        await until(() => first() < before);
        await until(() => [...box.querySelectorAll('.shot')].some(one => one.querySelector('img')));
        await new Promise(done => setTimeout(done, 300));
        return Math.abs(box.querySelector(`[data-seq="${seq}"]`).getBoundingClientRect().top - top);
END
    cmp_ok $moved, '<=', 2, 'while an earlier page and its pictures come';
    ok $anns->run('return document.querySelectorAll("[data-seq]").length <= 160'), 'and not all lines are in the page';
};

subtest 'what was said is found, and gone to' => sub {
    ok $im->eventually(30, sub { $im->sql('select count(*) from im.message_text') == $im->sql('select count(*) from im.message') }), 'it can be found a moment after';
    $anns->page->open($anns->url);    # anew: what is gone to is not in the page yet, nor what stands between it and the newest
    $anns->run("$DO await converse(name)", { name => '<b>&"\'</b>' });
    my $search = 'await click(".talk-head .tool[title=更多]"); await click(".menu button", "查找聊天记录"); await type("dialog input[type=search]", text); document.querySelector("dialog form").requestSubmit();';
    is_deeply $anns->run("$search await wait('.hit'); return texts('.hit mark')", { text => '第 7 行' }), ['第 7 行'], 'what was looked for, and nothing else';
    accessible($anns, 'what was found');
    is $anns->run('await click(".hit"); return (await wait(".line.found")).textContent.includes("第 7 行")'), Mojo::JSON->true, 'a hit leads to its place';
    ok $anns->run('const box = document.querySelector(".messages"); const {top, bottom} = document.querySelector(".line.found").getBoundingClientRect(); const edge = box.getBoundingClientRect();
        return top >= edge.top && bottom <= edge.bottom'), 'which is in sight';
    ok $anns->run('return Math.max(...[...document.querySelectorAll(".messages [data-seq]")].map(one => +one.dataset.seq)) < 60'), 'and far from the newest';
    is_deeply $anns->run('const seqs = () => [...document.querySelectorAll(".messages [data-seq]")].map(one => +one.dataset.seq); const box = document.querySelector(".messages"); let holes = 0;
        await until(() => { box.scrollTop = box.scrollHeight; box.dispatchEvent(new Event("scroll")); const all = seqs(); holes += all.filter((one, n) => n && one !== all[n - 1] + 1).length; return all.at(-1) === 100; }); return holes'), 0,
        'and from there on to the newest without a hole';
};

subtest 'a voice, who has read it, a complaint' => sub {
    $anns->run('await converse("<i>读书会</i>"); await click(".tools .tool[title=录音]"); await until(() => document.querySelector(".recording .number")?.textContent === "0:01"); await click(".recording .send")');
    $bobs->run('await converse("<i>读书会</i>"); await click(".bubble .voice[aria-label^=播放]"); await wait(".voice .past")');
    pass 'a recording is heard by the other one';
    like $anns->run('await wait(".mine .voice"); await until(async () => { const all = [...document.querySelectorAll(".mine .act .tool")]; all.at(-1).click(); await click(".menu button", "谁读过");
        const said = (await wait("dialog .body")).textContent; return (window.said = said).includes("波波") || (document.querySelector("dialog .tool").click(), false); }); return window.said'), qr/波波/, 'and who has, its sender sees';
    $anns->run('await click("dialog .tool")');
    $bobs->run('[...document.querySelectorAll(".line:not(.mine) .act .tool")].at(-1).click(); await click(".menu button", "投诉"); await wait("dialog form"); document.querySelector("dialog form").requestSubmit(); await until(() => !document.querySelector("dialog"))');
    is $im->sql("select target_type || ' ' || target_id from im.complaint"), '1 ' . $ann->id, 'a complaint goes where it should';
    $bobs->run('await converse("林安")');
};

subtest 'a file keeps its name' => sub {
    my $name = q{季度报告, "最终版" 'v2'.txt};
    $anns->run('await converse("波波"); const data = new DataTransfer(); data.items.add(new File(["words"], name, {type: "text/plain"}));
        document.querySelector(".talk").dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data}));
        await click("dialog .main", "发送")', { name => $name });
    is $bobs->run('return (await wait(".attached .file-name")).textContent'), $name, 'shown';
    is $bobs->run('const kept = HTMLAnchorElement.prototype.click; let saved; HTMLAnchorElement.prototype.click = function () { saved = this.download; };
        await click(".attached"); await until(() => saved); HTMLAnchorElement.prototype.click = kept; return saved'), $name, 'saved';
    $bobs->run('const line = (await wait(".attached")).closest(".line"); line.querySelector(".act .tool").click(); await click(".menu button", "转发"); await click("dialog .pick", "读书会")');
    ok $im->eventually(30, sub { $im->sql('select count(*) from im.message where message_type = 5') == 2 }), 'sent on';
    $anns->run('await converse("<i>读书会</i>")');
    is $anns->run('return (await wait(".attached .file-name")).textContent'), $name, 'under exactly its name';
};

subtest 'red packets' => sub {
    $anns->run('await click(".tools .tool[title=发红包]"); await type("dialog input[name=totalCount]", "2"); await type("dialog input[name=totalAmount]", "2"); await type("dialog input[name=remark]", "大家好");
        await type("dialog input[name=tradePassword]", trade); await click("dialog .main"); await wait(".packet", "大家好")', { trade => $ann->trade });
    my $open = 'await click(".packet", "大家好"); await click(".open-it"); return (await wait(".opening .amount")).textContent';
    $bobs->run('await converse("<i>读书会</i>")');
    my @shares = map { $_->run($open) =~ /^([\d.]+)/ } $bobs, $anns;
    is sprintf('%.2f', $shares[0] + $shares[1]), '2.00', 'two people rob it';
    $anns->run('await click("dialog .tool[title=关闭]"); await click(".packet", "大家好"); await click(".fair .button")');
    like $anns->run('return (await wait(".fair p[role=status]")).textContent'), qr/^验证通过/, 'and see that it was fair';
    accessible($anns, 'a red packet');
    $_->run('await click("dialog .tool[title=关闭]")') for $anns, $bobs;
};

subtest 'a call' => sub {
    $anns->run('await converse("波波"); await click(".talk-head .tool[title=语音通话]")');
    $bobs->run('await click(".incoming .take")');
    ok $_->run('await until(() => [...document.querySelectorAll(".tiles audio")].some(one => one.currentTime > 0)); return true'), 'each hears the other' for $anns, $bobs;
    accessible($anns, 'a call');
    $bobs->run('await click(".hang")');
    ok $_->run('await until(() => !document.querySelector(".call")); return true'), 'it is over on both sides' for $anns, $bobs;
    like $anns->run('return (await wait(".called")).textContent'), qr/^语音通话 · 通话/, 'and there is a record of it';
};

subtest 'hostile names' => sub {
    is $anns->run('await converse("<i>读书会</i>"); await click(".who"); return (await wait("dialog .note")).textContent'), "群公告$HOSTILE", 'of a group';
    ok $anns->run('return texts("dialog .members .grow").includes(name)', { name => '<b>&"\'</b>' }), 'of a person';
    accessible($anns, 'a dialog');
    is $_->run('return window.broken ?? null'), undef, 'are text' for $anns, $bobs;
    $anns->run('await click("dialog .tool")');
};

subtest 'on a phone, in English' => sub {
    my $page = window_of($eve, width => 360, language => 'en-US');
    is $page->run('return (await wait(".side-head h1")).textContent'), 'Chats', 'words are English';
    accessible($page, 'the list');
    $page->run('await click(".rail button", "Contacts"); await wait(".person-row")');
    accessible($page, 'contacts');
    $page->run('await click(".rail button", "Wallet"); await wait(".balance")');
    is $page->run('return document.documentElement.scrollWidth'), 360, 'nothing is wider than the screen';
    ok $page->run('await wait(".options button", "Set trade password"); return true'), 'who has no trade password may set one';
    accessible($page, 'the wallet');
    ok $anns->run('await click(".rail button", "钱包"); await wait(".options button", "修改交易密码"); return true'), 'who has one may change it';
    is_deeply noise($page), [], 'the console is clean';
};

subtest 'what it weighs, and where it comes from' => sub {
    my $page   = window_of($bob);
    my $loaded = $page->run('await wait(".conversation"); return performance.getEntriesByType("resource").map(one => [one.name, one.encodedBodySize])');
    my @files  = grep { $_->[0] =~ m{/(?:app|lib|parts)/} } @$loaded;
    my $size   = 0;
    $size += $_->[1] for @files;
    diag sprintf 'until the list can be used: %.1f kB in %d files', $size / 1000, scalar @files;
    cmp_ok $size, '<=', 60_000, 'the first load, compressed';
    is_deeply [grep { index($_->[0], $im->url('chat')) && $_->[0] !~ /^data:/ } @$loaded], [], 'nothing from elsewhere';
    my $policy = Mojo::UserAgent->new->get($im->url('chat') . '/')->result->headers->header('Content-Security-Policy');
    unlike $policy, qr/unsafe|http/, 'no script or style in the page';
};

is_deeply noise($_), [], 'the consoles are clean, of the policy too' for $anns, $bobs;

$im->allow(qr/could not publish an event|connect\(\) to unix:\S+ failed|upstream prematurely closed|recv\(\) failed/);
$im->end;
done_testing;

sub decode_utf8 ($bytes) { utf8::decode($bytes); return $bytes }

# But for connections that the story has cut.
sub noise ($page) { return [grep { !/WebSocket|Failed to load resource/ } @{ $page->errors }] }

# A plain picture.
sub png ($width, $height) {
    require Compress::Zlib;
    my $chunk = sub ($type, $data) { pack('N', length $data) . $type . $data . pack('N', Compress::Zlib::crc32("$type$data")) };
    return "\x89PNG\r\n\x1a\n" . $chunk->(IHDR => pack 'NNCCCCC', $width, $height, 8, 2, 0, 0, 0)
        . $chunk->(IDAT => Compress::Zlib::compress(("\0" . pack('C3', 80, 140, 120) x $width) x $height)) . $chunk->('IEND', '');
}
