// Every screen, in the order of the menu.  A list is described by
//   path, title, needs    where it is, what it is called, the permission it takes
//   list, key             the path of the API, and what makes a row unique
//   filters, range        fields of the filter form; whether it is by date too
//   columns, more         {name, label, show, sort, kind, hidden}; what is in the detail alone
//   acts                  what may be done: {name, label, needs, call, with(row, values), fields, says, when(row), many,
//                         always, together, tone, then(row, values, told), shows(answer)}
//   whole, parts, links   all of one thing, and what is shown of it beside its columns
//   fresh, first, name    one row read anew; who dealt with it; what it is called in a confirmation
//   begin, waits, expires, inbox, notice    see list.js
// and anything else is a view of its own.
import { complaints, notices, recipients, templates } from './screens-care.js';
import { groupMessages, hits, messages, files, words } from './screens-content.js';
import { funds, ledger, packets, recharges, withdrawals } from './screens-money.js';
import { groups, members, users } from './screens-people.js';
import { admins, audit, logins, sessions } from './screens-system.js';
import { Account } from './account.js';
import { Overview } from './overview.js';
import { may } from './api.js';

const overview = { path: 'overview', title: '总览|Overview', needs: 'stat.read', view: Overview };
const account = { path: 'account', title: '我的账号|My account', view: Account };

export const menu = [
    ['', [overview]],
    ['待办|To do', [complaints, recharges, withdrawals]],
    ['用户与群|People', [users, groups]],
    ['内容|Content', [messages, groupMessages, words, hits, files, notices, templates]],
    ['资金|Money', [funds, packets, ledger]],
    ['系统|System', [audit, admins, logins, sessions, account]],
];

export const screens = [...menu.flatMap(([, some]) => some), members, recipients];    // two that a link leads to
export const allowed = screen => may(screen.needs);
