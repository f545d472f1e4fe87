/* The part of continuity.py in the browser; all of it is set up once per document. */
const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
const SOON_MS = 150; // Streamlit may put an element back that it has just taken away

const usable = (e) => e?.isConnected && !e.disabled && e.checkVisibility({ visibilityProperty: true });
const keyOf = (e) => /\bst-key-[\w-]+/.exec(e?.closest('[class*=st-key-]')?.className ?? '')?.[0];
const middle = (e) => {
    const box = e.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
};

/* The focus: to the same place of the control that replaces the lost one, else to the nearest control around it, on
   another page to its title. Who clicks beside everything has no focus to keep. */
let last = null; // the element that has or had the focus, and where it stood
let pressed = -Infinity;

const note = (element) => {
    const trail = [], key = keyOf(element);
    for (let e = element.parentElement; e && !e.matches('.stApp'); e = e.parentElement) trail.push(e);
    const within = key ? [...document.querySelectorAll(`.${key} :is(${FOCUSABLE})`)] : [];
    last = { element, key, trail, index: within.indexOf(element), at: middle(element), path: location.pathname };
};

const titleOfPage = () => {
    const title = document.querySelector('[data-testid=stMain] h1');
    if (title) title.tabIndex = -1;
    return title;
};

const replacement = () => {
    if (location.pathname !== last.path) return titleOfPage();
    const same = last.key ? document.querySelectorAll(`.${last.key} :is(${FOCUSABLE})`)[last.index] : null;
    if (usable(same)) return same;
    const distance = (e) => Math.hypot(middle(e)[0] - last.at[0], middle(e)[1] - last.at[1]);
    for (const around of last.trail) {
        const near = around.isConnected ? [...around.querySelectorAll(FOCUSABLE)].filter(usable) : [];
        if (near.length) return near.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    }
    return titleOfPage();
};

const keepFocus = () => {
    const focused = document.activeElement;
    if (!last || (focused && focused !== document.body && usable(focused)) || usable(last.element)) return;
    replacement()?.focus({ preventScroll: true });
};

/* Charts of a live run: Streamlit mounts each anew for new numbers. What the old one showed lies over it until then. */
const pictures = new Map(); // key of a chart → a copy of what it showed last
const isDrawn = (chart) => chart.querySelector('.js-plotly-plot .main-svg')?.checkVisibility({ visibilityProperty: true });

const keepCharts = () => {
    for (const chart of document.querySelectorAll('.st-key-live-run .stPlotlyChart')) {
        const key = keyOf(chart), over = chart.querySelector(':scope > .xl-former');
        if (isDrawn(chart)) {
            over?.remove();
            requestAnimationFrame(() => {
                if (isDrawn(chart)) pictures.set(key, chart.querySelector('.svg-container').cloneNode(true));
            });
        } else if (!over && pictures.has(key)) {
            const former = document.createElement('div');
            former.className = 'xl-former';
            former.ariaHidden = 'true';
            former.append(pictures.get(key).cloneNode(true));
            chart.append(former);
        }
    }
};

if (!document.documentElement.dataset.xnorlabContinuity) {
    document.documentElement.dataset.xnorlabContinuity = 'kept';
    document.addEventListener('pointerdown', () => (pressed = performance.now()), true);
    document.addEventListener('focusin', ({ target }) => note(target), true);
    document.addEventListener('focusout', ({ relatedTarget }) => {
        if (!relatedTarget && performance.now() - pressed < SOON_MS) last = null;
    }, true);
    let soon = 0;
    new MutationObserver((records) => {
        if (records.some((record) => record.type === 'childList')) keepCharts();
        clearTimeout(soon);
        soon = setTimeout(keepFocus, SOON_MS);
    }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['disabled'] });
}
export default function () {}
