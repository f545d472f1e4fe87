/* Puts everything that can be clicked or typed into, all at once, into a state: "hover", "focus", "active", or "" for none.
   A browser has no way to hover over everything, so style rules are made to follow attributes as well. Streamlit marks
   the states of some of its controls by attributes of its own, which are set, too. */
(state) => {
    const STATES = {
        hover: [[':hover'], ['data-hovered']],
        focus: [[':focus-visible', ':focus'], ['data-focus-visible', 'data-focused']],
        active: [[':active', ':hover'], ['data-pressed', 'data-hovered']],
    };
    const attribute = (pseudo) => `data-as${pseudo.replace(':', '-')}`;
    const follow = (rules) => {
        for (const rule of rules) {
            const followed = rule.selectorText?.replace(/:(hover|focus-visible|focus(?!-)|active)(?![^[]*\])/g,
                (pseudo) => `:is(${pseudo}, [${attribute(pseudo)}])`);
            if (followed && !rule.selectorText.includes('data-as-') && followed !== rule.selectorText) rule.selectorText = followed;
            if (rule.cssRules) follow(rule.cssRules);
        }
    };
    for (const sheet of document.styleSheets) follow(sheet.cssRules);
    const all = [...document.querySelectorAll('.stApp *')];
    const clickable = ':is(button, a, input, textarea, summary, label, [role=radio], [role=button], [role=checkbox])';
    for (const [pseudos, own] of Object.values(STATES)) {
        for (const name of [...pseudos.map(attribute), ...own]) for (const e of all) e.removeAttribute(name);
    }
    const [pseudos, own] = STATES[state] ?? [[], []];
    for (const e of all) {
        const name = e.matches(clickable) ? [...pseudos.map(attribute), ...own] : state === 'hover' ? [attribute(':hover')] : [];
        for (const each of name) e.setAttribute(each, 'true');
    }
}
