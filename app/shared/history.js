/* The part of history.py in the browser. */
const push = history.pushState;
if (!push.xnorlab) { // once per document
    const guard = function (state, title, url) {
        const target = new URL(url, location);
        if (target.pathname === location.pathname) return; // a change of parameters is no entry of its own
        const embed = new URLSearchParams([...target.searchParams].filter(([key]) => isEmbed(key)));
        const own = new URLSearchParams([...target.searchParams].filter(([key]) => !isEmbed(key)));
        if (`${own}` === guard.written) target.search = embed; // those of the page that is left
        push.call(history, state, title, target);
    };
    guard.xnorlab = true;
    guard.written = null;
    history.pushState = guard;
}

const isEmbed = (key) => /^embed(_options)?$/i.test(key);

export default function ({ data }) {
    const url = new URL(location);
    if (url.pathname.split('/').pop() !== data.path) return; // the visitor is on another page already
    const query = new URLSearchParams(data.query);
    history.pushState.written = data.query ? `${query}` : null;
    for (const [key, value] of url.searchParams) if (isEmbed(key)) query.append(key, value);
    url.search = query;
    if (url.href !== location.href) history.replaceState(history.state, '', url);
}
