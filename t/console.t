# console: the moderation console at / of 8081 in a real browser: a story per screen and role, what each role is shown against
# what the server lets it do, what went wrong in others' consoles, and that nothing anybody wrote is more than text.
use v5.36;
use utf8;
use FindBin;
use lib "$FindBin::Bin/lib";
use IM::Browser;
use IM::Contract;
use IM::Hands;
use IM::Samples;
use IM::Stack;
use IM::Totp qw(totp);
use Mojo::File qw(curfile path);
use Mojo::JSON qw(decode_json);
use Mojo::Util qw(trim);
use Test::More;

my $EVIL = q{<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>};

my $im = IM::Stack->new;
my ($ann, $bob, $cat, $dan) = $im->users(qw(ann bob cat dan));
my $admin   = $im->admin;
my $samples = IM::Samples->new;
my $browser = IM::Browser->new(deadline => 40);
my $root    = curfile->dirname->dirname;
my ($parts) = grep { -d } map { path($_, 'web/parts') } $ENV{IM_BUILD_DIR} // (), $root;
my $axe     = $parts->child('axe-core/axe.min.js')->slurp;
my @WCAG    = qw(wcag2a wcag2aa wcag21a wcag21aa);    # not what is said besides: of its link to the content axe sees no target

# --- a world with something on every screen ---

$im->befriend($ann, $bob, $cat, $dan);
$dan->put('/user/update', { nickName => '<b>d</b>&"\'' })->must;
my $group = $im->group($ann, $bob, $cat);
my $say = sub ($one, $to, $content, $type = 1) { $one->post('/message/private/send', { receiverId => $to->id, content => $content, messageType => $type })->must->{id} };
my $complain = sub ($one, %about) { $one->post('/complaint/submit', { reason => '骚扰', %about })->must->{complaintId} };
$im->sql(q{update im.setting set value = '1000' where name = 'complaint.day_limit'});
$say->($ann, $bob, '你好');
my $letter = $say->($bob, $ann, "加我微信 $EVIL");
$say->($bob, $ann, '第二句');
my $picture = $bob->upload($samples->picture('face.jpg'), type => 'image', name => 'a<script>b.jpg')->must->{url};
$ann->upload($samples->picture('proof.png'), type => 'image', name => 'proof.png')->must;
$say->($bob, $ann, $picture, 2);
my $complaint = $complain->($ann, targetType => 1, targetId => $bob->id, description => $EVIL, messageId => $letter);
$complain->($cat, targetType => 1, targetId => $dan->id, reason => "r$_") for 1 .. 5;
$im->arm($ann, $bob);
$im->fund($ann, 500);
my @orders = map { $ann->post('/user/recharge', { amount => $_, payType => 'alipay' })->must->{id} } 10, 20, 30;
$ann->post('/user/withdraw', { amount => 40, chainType => 'TRON', toAddress => 'T' . 'a' x 33, tradePassword => $ann->trade });
my $packet = $ann->post('/redPackage/send', { receiverType => 1, receiverId => $group, totalAmount => 10, totalCount => 2, redPacketType => 1,
    remark => '恭喜', tradePassword => $ann->trade })->must->{redPacketId};
$bob->post('/redPackage/rob', { redPacketId => $packet })->must;
$ann->post('/message/group/send', { groupId => $group, content => '群里的话', messageType => 1 })->must;
$admin->post('/im/sensitiveWord/add', { word => $_ })->must for '赌博', '<script>x';
my %who = (super => ['admin', $admin->password]);
for my $role (qw(moderator finance auditor)) {
    $im->secret("secret $role");
    $admin->post('/im/admin/add', { name => $role, role => $role, password => "secret $role" })->must;
    $who{$role} = [$role, "secret $role"];
}
$im->sql(q{insert into im.stat_day (day) select current_date - n from generate_series(1, 29) n on conflict do nothing});

# --- somebody at the console ---

my $enter = sub ($role) {
    my $one = IM::Hands->new(browser => $browser, url => $im->url('backstage') . '/');
    my ($name, $password) = @{ $who{$role} };
    $one->type('input[name=username]', $name)->type('input[name=password]', $password)->click('button.main');
    $one->see('.top .me', $name);
    return $one;
};
my $api = sub ($role) {
    my ($name, $password) = @{ $who{$role} };
    my $one = IM::User->new(im => $im, name => $name, service => 'backstage');
    my $token = $one->post('/login', { username => $name, password => $password })->must->{accessToken};
    $im->secret($token);
    return $one->access($token);
};
my %at = map { $_ => $enter->($_) } qw(super moderator finance auditor);
my $super = $at{super};
my $rows  = sub ($one) { $one->see('tbody tr'); return $one->count('.main tbody tr') };
my $do    = sub ($one, $act, @fields) {    # from the toolbar or the detail: the act, its form in order, done
    $one->click("[data-act=$act]");
    $one->see('dialog');
    while (my ($name, $value) = splice @fields, 0, 2) { $one->type("dialog [name=$name]", $value) }
    $one->click('dialog .actions .main');
};

subtest 'who comes in' => sub {
    my $one = IM::Hands->new(browser => $browser, url => $im->url('backstage') . '/');
    $one->type('input[name=username]', 'finance')->type('input[name=password]', 'wrong one')->click('button.main');
    is $one->see('.fault'), '密码错误', 'not with a wrong password';
    is_deeply [$one->faults($axe, @WCAG)], [], 'the form is for everybody';
    $one->shot('console-login')->type('input[name=password]', 'secret finance')->click('button.main');
    is $one->see('main h1', '总览') =~ s/\s.*//sr, '总览', 'and is shown how things stand';
    $one->click('a[href="#account"]');
    $one->click('[data-act=begin]');
    my $secret = $one->see('code.secret');
    $im->secret($secret);
    ok $one->count('svg.qr path'), 'a second factor has a picture';
    $one->type('form[name=on] input', totp($secret, time - 30))->click('form[name=on] button');
    $one->see('p', '已开启');
    $one->click('[data-act=logout]');
    $one->type('input[name=username]', 'finance')->type('input[name=password]', 'secret finance')->click('button.main');
    $one->see('.fault', '动态验证码');
    $one->type('input[name=totpCode]', totp($secret, time))->click('button.main');
    is $one->see('main h1', '我的账号'), '我的账号', 'with its code he is where he was';
    $one->type('form[name=off] input', totp($secret, time + 30))->click('form[name=off] button');
    ok $one->see('p', '未开启'), 'and can do without it again';
    $one->type("form[name=password] input[name=$_->[0]]", $_->[1]) for [oldPassword => 'secret finance'], [newPassword => 'secret finance'], [again => 'another'];
    ok $one->click('form[name=password] button')->see('.fault', '不一样'), 'a password is entered twice';
    is_deeply $one->errors, [], 'the console is clean';
};

subtest 'a QR code is one' => sub {
    my $drawn = $super->run('const {matrix} = await import("/app/qr.js"); return matrix(text).map(row => row.join("")).join("\n")', { text => 'otpauth://totp/IM?secret=GEZDGNBVGY3TQOJQ' });
    is $drawn, trim($root->child('t/console.qr')->slurp), 'the one that an independent reader has read';
    like $super->run('try { (await import("/app/qr.js")).matrix("x".repeat(214)) } catch (error) { return error.name }'), qr/RangeError/, 'what does not fit is refused';
};

# What each screen says it may do, and the permission that the contract names for it.
my $screens = $super->run('return (await import("/app/screens.js")).screens.map(({path, title, needs, list, acts = [], view}) =>
    ({path, title, needs: needs ?? null, list, view: !!view, acts: acts.map(({name, needs, call, always, inside}) => ({name, needs: needs ?? null, call, always, inside}))}))');
my $contract = decode_json(IM::Contract->new(service => 'backstage')->published('backstage'));
my $needs    = sub ($method, $path) { $contract->{paths}{$path}{ lc $method }{'x-permission'} };
my %sample   = (id => $complaint, ids => [1], userId => $dan->id, groupId => $group, reason => 'x', newPassword => 'secret 9', word => 'xyz', text => 'xyz', enabled => \1, name => 'x',
    title => 'x', content => 'x', role => 'auditor', password => 'secret 9', resolvedType => 4, summary => 'x');

subtest 'what each role is shown is what the server lets it do' => sub {
    is_deeply [map { $_->{path} } grep { $_->{list} && ($needs->('GET', $_->{list}) // '') ne ($_->{needs} // '') } @$screens], [], 'a screen is for whom its list is';
    is_deeply [map { my $screen = $_; map {"$screen->{path} $_->{name}"} grep { ($needs->(@{ $_->{call} }) // '') ne ($_->{needs} // '') } @{ $screen->{acts} } } @$screens], [],
        'and an act for whom its operation is';
    for my $role (qw(super moderator finance auditor)) {
        my ($one, $as) = ($at{$role}, $api->($role));
        my %may = map { $_ => 1 } @{ $as->get('/im/self')->must->{permissions} };
        my $may = sub ($what) { !defined $what->{needs} || $may{ $what->{needs} } };
        $one->go('overview')->see('main h1', '总览');
        my @menu = $one->texts('.side a');
        s/\s*\d+$// for @menu;
        is_deeply [sort @menu], [sort map { $_->{title} =~ s/\|.*//r } grep { $_->{path} !~ /^(?:members|recipients)$/ && $may->($_) } @$screens], "$role: the menu";
        for my $screen (grep { $_->{list} } @$screens) {
            $one->go($screen->{path});
            next if !$may->($screen) && ok $one->see('main h1', '没有这个页面'), "$role: no $screen->{path}";
            $one->see('main h1', $screen->{title} =~ s/\|.*//r);
            is_deeply [grep { $_ !~ /^(?:export|verify)$/ } @{ $one->run('return [...document.querySelectorAll(".list > .toolbar [data-act]")].map(one => one.dataset.act)') }],
                [map { $_->{name} } grep { !$_->{inside} && $may->($_) } @{ $screen->{acts} }], "$role: the buttons of $screen->{path}";
        }
        my @refused = grep { !$may->($_) } map { @{ $_->{acts} } } @$screens;
        my %code = map { my ($method, $path) = @{ $_->{call} }; my $verb = lc $method;
            ("$method $path" => $as->$verb($path, { %sample, $path =~ m{/file/} ? (id => '00000000-0000-4000-8000-000000000000') : () })->code) } @refused;
        is_deeply [grep { $code{$_} != 403 } sort keys %code], [], "$role: what has no button the server refuses, " . keys(%code) . ' of them';
    }
};

subtest 'complaints are an inbox' => sub {
    my $mia = $at{moderator};
    $mia->go("complaints?status=1&open=$complaint");
    $mia->see('.detail .quote .said', '加我微信');
    ok $mia->see('.context .point', '加我微信'), 'the message is there in its context';
    is $mia->run('return document.querySelectorAll("main img, main script").length + document.title.includes("owned")'), 0, 'what it says is text';
    ok $mia->see('.detail dd', 'onerror'), 'and so is what was complained of';
    $mia->shot('console-complaint');
    is_deeply [$mia->faults($axe, @WCAG)], [], 'for everybody';
    $mia->see('.detail a', 'Bob');
    $do->($mia, 'resolve', resolvedType => 3, removal => 1, duration => 3, summary => '核实', reason => '骚扰');
    $mia->gone('dialog');
    ok $mia->see('[data-first]', 'moderator 于'), 'it is decided, and says by whom';
    $admin->get('/im/user/detail', { userId => $bob->id })->ok('he is banned', { status => 'banned', banReason => '骚扰' });
    is $im->sql("select count(*) from im.message m where m.sender_id = @{[$bob->id]} and m.recalled_at is null and m.message_type <= 6"), 0, 'and all that he sent is gone';
    ok $mia->see('.side a', '投诉 5'), 'the menu knows that one is less';
    $mia->click('.detail .links a', '对象');
    ok $mia->see('.detail h2', "Bob (@{[$bob->id]})"), 'a link leads to the person';
    $do->($mia, 'unban');
    $mia->gone('dialog');
    $bob->login->must;
};

subtest 'what went wrong elsewhere' => sub {
    my $mia = $at{moderator};
    $mia->run('localStorage.setItem("im.size", "2")');
    $mia->go('complaints?status=1&page=3');
    $mia->gone('.detail');
    $mia->see('.pages .total', '共 5 条');
    is $rows->($mia), 1, 'page 3 of what is open has one row';
    $mia->click('tbody input[type=checkbox]');
    $do->($mia, 'resolve', resolvedType => 4, summary => '无');
    $mia->gone('dialog');
    $mia->see('.pages .total', '共 4 条');
    like $mia->at, qr/page=2/, 'when it is decided the console shows page 2';
    is $rows->($mia), 2, 'with its rows';
    $mia->type('.filters [name=targetType]', 1);
    unlike $mia->at, qr/page/, 'another filter begins at page 1';
    like $mia->at, qr/status=1.*targetType=1/, 'and keeps the others';
    $mia->run('localStorage.removeItem("im.size")');

    my $fin = $at{finance};
    $fin->go('recharges')->see(".main tr[data-key='$orders[0]']");
    $admin->post('/im/recharge/approve', { id => $orders[0] })->must;
    $fin->click(".main tr[data-key='$orders[0]'] input")->click(".main tr[data-key='$orders[1]'] input");
    $do->($fin, 'approve');
    like $fin->see('dialog .refused'), qr/#$orders[0] ann .*订单状态不允许该操作：admin 于 .* 处理：已入账/, 'a second reviewer is told who was first';
    is $fin->count('dialog .refused li'), 1, 'and of nothing else';
    $fin->click('dialog .actions .main')->gone('dialog');
    is $im->sql("select status from im.recharge where id = $orders[1]"), 2, 'what else was chosen is done';

    $admin->put('/im/user/ban', { userId => $dan->id, reason => 'x', duration => 1 })->must;
    $im->sql("update im.account set banned_until = now() + interval '3 seconds' where id = @{[$dan->id]}");
    $mia->go('users?userId=' . $dan->id);
    my $state = '.main tr [data-column=status]';
    is $mia->see($state), '已封禁', 'somebody is banned';
    ok $mia->see($state, '正常'), 'until it is over, and nobody has touched anything';
};

subtest 'hostile text stays text, in a file too' => sub {
    $super->go('users')->see('.main td', '<b>d</b>');
    $super->run('URL.createObjectURL = blob => { window.saved = blob; return "blob:nothing"; }; HTMLAnchorElement.prototype.click = function () { window.named = this.download; }');
    my $saved = sub { $super->run("window.saved = null; document.querySelector('[data-act=export]').click(); await until(() => window.saved, 60000); return await saved.text()") };
    $super->go('users?name=an')->see('.pages .total', '共 2 条');
    my $sheet = $saved->();
    my @lines = split /\r\n/, $sheet;
    is @lines, 3, 'the file has what is filtered, and the names of its columns';
    like $lines[1], qr/<b>d<\/b>&""'/, 'as it is';
    $super->go("messages?userId=@{[$ann->id]}&friendId=@{[$bob->id]}")->see('.main tbody tr');
    my $text = $super->run('return document.querySelector(".main tbody").innerText');
    unlike $text, qr/加我微信/, 'what was recalled says nothing';
    $super->go('files')->see('.main td', 'a<script>b.jpg');
    like $saved->(), qr/,a<script>b\.jpg,/m, 'the name of a file in a file, too';
    $super->go('words')->see('.main td', '<script>x');
    is $super->run('return document.title.includes("owned") || document.querySelectorAll("main script, main img").length'), 0, 'and none of it has become a part of the page';
};

# role, place, what is to be seen there; then acts, and what is to be seen after.
my @stories = (
    [super     => 'overview',        '.tile', '用户'],
    [super     => 'users',           '.main td', 'ann', sub ($one) { $one->click('.main tr[data-key="' . $ann->id . '"]'); $one->see('.detail .part td', '127.0.0.1'); $one->see('.detail dd', '可用') }],
    [moderator => 'users',           '.main td', 'cat', sub ($one) { $one->click('.main tr[data-key="' . $cat->id . '"] input'); $do->($one, 'ban', reason => '广告', duration => 2); $one->see('.main tr[data-key="' . $cat->id . '"]', '已封禁') }],
    [moderator => 'users?status=banned', '.main td', 'cat', sub ($one) { $one->click('.main thead input'); $do->($one, 'unban'); $one->see('.main .empty', '没有') }],
    [moderator => "groups?open=$group", '.detail h2', 'readers', sub ($one) { $do->($one, 'ban', reason => '广告'); $one->see('.detail .state', '已封禁'); $do->($one, 'unban'); $one->see('.detail .state', '正常') }],
    [auditor   => "members?groupId=$group", '.main td', '群主'],
    [moderator => "groupMessages?groupId=$group", '.main td', '群里的话', sub ($one) { $one->click('.main tbody tr'); $one->see('.context .point'); $do->($one, 'recall', reason => 'x'); $one->see('.main td', '已撤回') }],
    [moderator => 'words',           '.main td', '赌博', sub ($one) { $do->($one, 'import', text => "枪支\n赌博\n"); $one->see('dialog .fields', '枪支'); $one->click('dialog .actions .main'); $one->see('.main td', '枪支') }],
    [moderator => 'hits?word=' . '你好', '.main td', '你好'],
    [moderator => 'notices',         'h1', '通知', sub ($one) {
        $one->click('[data-act=send]');
        $one->type("dialog [name=$_->[0]]", $_->[1]) for [title => '标题 <b>'], [content => "内容 $EVIL"], [users => $ann->id];
        is $one->see('.preview h3'), '标题 <b>', 'the preview shows it';
        $one->click('dialog .actions .main')->gone('dialog');
        $one->see('.main td', '标题 <b>');
        is_deeply [grep {/内容/} map { $_->{content} } @{ $ann->get('/message/system/pullOfflineMessage')->must }], ["内容 $EVIL"], 'it comes as it was written';
        $one->click('.main td', '标题 <b>')->click('.detail .links a', '谁已收到');
        ok $one->see('.main tr[data-key="' . $ann->id . '"]', '未收到'), 'a link says who has got it: nobody has';
        $ann->put('/message/system/readed', {})->must;
        $one->click('.toolbar [aria-busy]');
        ok $one->see('.main tr[data-key="' . $ann->id . '"]', '已收到'), 'until she has' }],
    [moderator => 'templates',       'h1', '通知模板', sub ($one) { $do->($one, 'add', name => 'n', title => 't {day}', content => 'c'); $one->see('.main td', 't {day}') }],
    [moderator => 'files?sort=fileSize', '.main td', 'a<script>b.jpg', sub ($one) { $one->click('.main tbody tr'); $one->see('.detail h2'); my $name = $one->see('.detail h2'); $do->($one, 'remove', reason => 'x'); $one->gone('.main td', $name) }],
    [finance   => 'recharges?status=1', '.main td', 'ann', sub ($one) { $one->click('.main tbody tr'); $do->($one, 'reject', reason => '没有收到'); $one->see('[data-first]', 'finance 于') }],
    [finance   => 'withdrawals',     '.main td', 'ann', sub ($one) { $one->click('.main tbody tr'); $do->($one, 'approve'); $one->see('.detail .state', '已批准') }],
    [super     => 'withdrawals?status=2', '.main td', 'ann', sub ($one) { $one->click('.main tbody tr'); $do->($one, 'paid', txHash => 'a' x 64); $one->see('.detail .state', '已付款') }],
    [auditor   => 'packets',         '.main td', '恭喜', sub ($one) { $one->click('.main tbody tr'); $one->see('.detail .part td', 'Bob') }],
    [auditor   => 'funds?userId=' . $ann->id, '.main td', '充值'],
    [finance   => 'ledger',          'h1', '账本', sub ($one) { $one->click('[data-act=check]'); $one->see('.verdict.good', '账本平衡') }],
    [super     => 'admins',          '.main td', 'auditor', sub ($one) { $do->($one, 'add', name => 'zoe', role => 'auditor', password => 'secret 77'); $one->click('.main tr td', 'zoe'); $do->($one, 'disable'); $one->see('.detail .state', '停用') }],
    [auditor   => 'logins?result=1002', '.main td', 'finance'],
    [moderator => 'sessions',        '.main td', 'moderator'],
    [super     => 'account',         'h2', 'admin'],
    [auditor   => 'audit',           '.main td', 'user.ban', sub ($one) { $one->click('[data-act=verify]'); like $one->see('.chain .state.good'), qr/^\d+ 行全部成立/, 'the chain holds, as this browser has found' }],
);
$im->secret('secret 77');

for my $story (@stories) {
    my ($role, $place, $selector, $text, $then) = @$story;
    my ($name) = $place =~ /^(\w+)/;
    subtest "$role: $place" => sub {
        my $one = $at{$role};
        $one->go($place);
        ok $one->see($selector, $text), 'it is there';
        $then->($one) if $then;
        pass 'what there is to do is done' if $then;
        $one->shot("console-$name-$role");
        is_deeply [$one->faults($axe, @WCAG)], [], 'it is for everybody';
    };
}

subtest 'a record that was changed, moved or taken away is found' => sub {
    my $found = $at{auditor}->look(<<'END');
        const [{verify}, {ask}] = await Promise.all([import('/app/chain.js'), import('/app/api.js')]);
        const {records} = await ask('GET', '/im/audit/list', {order: 'asc', size: 6});
        const wrong = async rows => (await verify([rows])).wrong?.id ?? null;
        const changed = (n, more) => records.map((row, i) => i === n ? {...row, ...more} : row);
        return [await wrong(records), await wrong(changed(2, {action: 'other'})), await wrong(changed(2, {covers: records[2].covers.replace('admin', 'nimda')})),
            await wrong(records.filter((row, i) => i !== 3)), await wrong([...records.slice(0, 2), records[3], records[2]])];
END
    is_deeply $found, [undef, 3, 3, 5, 4], 'and so is where';
};

subtest 'hands on the keyboard, another language, the dark' => sub {
    my $one = $at{auditor};
    $one->go('audit')->see('.main tbody tr');
    $one->run('document.querySelector(".main tbody tr").focus()');
    $one->key('ArrowDown')->key('Enter');
    is $one->see('.detail h2') =~ s/\D.*//sr || $one->at =~ s/.*open=//r, $one->run('return document.querySelectorAll(".main tbody tr")[1].dataset.key'), 'down and Enter open the second row';
    $one->key('Escape');
    ok $one->gone('.detail'), 'Escape closes it';
    $one->type('.top select[name=theme]', 'dark');
    is_deeply [$one->faults($axe, @WCAG)], [], 'it can be read in the dark';
    $one->shot('console-dark')->click('.columns summary')->click('.columns label input');
    $one->gone('.main th', '编号');
    my @columns = $one->texts('.main th');
    $one->click('.top button', 'English');
    $one->see('h1', 'Record');
    $one->see('.main tbody tr');
    is $one->count('.main th'), scalar @columns, 'which columns are shown is remembered';
    is_deeply [grep { /\p{Han}/ && $_ ne '中文' } $one->texts('.side a, .top button, .top option, h1, .field span, .toolbar button, .toolbar label, th')], [], 'and all of it is English';
    $one->shot('console-english');
};

subtest 'on a phone' => sub {
    my $one = $at{moderator};
    $one->page->call('Emulation.setDeviceMetricsOverride', { width => 390, height => 844, deviceScaleFactor => 1, mobile => \1 });
    for my $place ('overview', 'users', 'complaints?status=', "groups?open=$group") {
        $one->go($place)->see('main h1');
        is $one->look('await new Promise(done => setTimeout(done, 200)); return document.documentElement.scrollWidth'), 390, "$place is as wide as it";
        $one->shot('console-phone-' . ($place =~ /^(\w+)/)[0]);
    }
    $one->click('.burger')->click('.side a', '用户');
    ok $one->see('main h1', '用户'), 'the menu comes when it is asked for';
};

subtest 'what it weighs, and what it was refused' => sub {
    my ($files, $bytes) = @{ $super->run(<<'END') };
        const loaded = performance.getEntriesByType('resource').filter(one => /\.(js|css)$/.test(one.name));
        return [loaded.length, loaded.reduce((sum, one) => sum + one.encodedBodySize, 0)];
END
    diag "the console: $files files, $bytes bytes as they are sent" if $ENV{IM_LONG};
    ok $files > 20 && $bytes > 40_000 && $bytes <= 120 * 1024, 'all of its parts together are light';
    is_deeply $at{$_}->errors, [], "$_: nothing was refused, nothing went wrong" for sort keys %at;
};

$im->end;
done_testing;
