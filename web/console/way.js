// Where one is: '#screen?filter=value&page=2&open=7'.  Links between things are links to such places, so that the browser's
// own way back works.

export function here() {
    const [name, query = ''] = location.hash.slice(1).split('?');
    return { name: name || 'overview', query: Object.fromEntries(new URLSearchParams(query)) };
}

export function place(name, query = {}) {
    const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
    return `#${name}${given.size ? `?${given}` : ''}`;
}

// Goes there; instead of where one is, when that is nowhere to come back to.
export function go(name, query, instead = false) {
    const to = place(name, query);
    if (!instead)
        location.hash = to;
    else if (to !== location.hash) {
        history.replaceState(null, '', to);
        dispatchEvent(new Event('hashchange'));
    }
}
