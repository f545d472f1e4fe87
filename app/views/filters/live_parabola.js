/* Draws the parabola, and moves the chosen point with the slider. The page hears of a new α when the slider is released. */
const LEFT = 64, RIGHT = 12, TOP = 26, BOTTOM = 42;

/* Three significant digits, as xnorlab.units writes them. */
const significant = (value) => {
    if (value === 0) return '0';
    const rounded = Number(value.toPrecision(3)), digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
    const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return rounded.toLocaleString('en-US', format).replace('-', '−');
};
const percent = (share) => (share > 0 && share < 1e-4 ? '< 0.01 %' : `${significant(100 * share)} %`);

const ticks = (end) => {
    const rough = end / 5, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
};

const make = (svg, name, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
    return element;
};

export default function ({ data, parentElement: root }) {
    const { n, norm, total, top, height } = data, svg = root.querySelector('svg'), best = total / n;
    const error = (a) => Math.max(0, norm - 2 * a * total + n * a * a);
    const most = Math.max(error(0), error(top)) || 1;
    let alpha = data.alpha, x, y, yours;
    svg.style.setProperty('--mark', data.mark);
    svg.setAttribute('height', height);

    const move = () => {
        const [cx, cy] = [x(alpha), y(error(alpha))];
        yours.setAttribute('d', `M${cx},${cy - 8}l8,14h-16z`);
        root.querySelector('.error').textContent = significant(error(alpha));
        root.querySelector('.lost').textContent = norm ? percent(error(alpha) / norm) : '–';
        svg.setAttribute('aria-label', `‖W − αB‖² against α: a parabola with its lowest point ${significant(error(best))} at `
            + `α = ${significant(best)}; yours is ${significant(error(alpha))} at α = ${significant(alpha)}.`);
        // What the page said of the α before does not hold while another one is on its way.
        const said = document.querySelector('.st-key-said-of-alpha');
        if (said) said.style.visibility = alpha === data.alpha ? '' : 'hidden';
    };
    const draw = () => {
        const width = svg.clientWidth || 400;
        x = (a) => LEFT + ((width - LEFT - RIGHT) * a) / top;
        y = (e) => height - BOTTOM - ((height - TOP - BOTTOM) * e) / most;
        svg.replaceChildren();
        for (const a of ticks(top)) make(svg, 'text', { x: x(a), y: height - BOTTOM + 18, 'text-anchor': 'middle' }, String(a));
        for (const e of ticks(most)) {
            make(svg, 'path', { class: 'grid', d: `M${LEFT},${y(e)}H${width - RIGHT}` });
            make(svg, 'text', { x: LEFT - 8, y: y(e) + 4, 'text-anchor': 'end' }, e.toLocaleString('en-US', { maximumSignificantDigits: 3 }));
        }
        make(svg, 'text', { x: (LEFT + width - RIGHT) / 2, y: height - 4, 'text-anchor': 'middle' }, 'α');
        make(svg, 'text', { x: 0, y: 12 }, `‖W − αB‖², ○ least at α = mean|W| = ${significant(best)}, ▲ yours`);
        const points = Array.from({ length: 121 }, (_, i) => `${x((top * i) / 120)},${y(error((top * i) / 120))}`);
        make(svg, 'path', { class: 'curve', d: `M${points.join('L')}` });
        make(svg, 'path', { class: 'down', d: `M${x(best)},${y(error(best))}V${height - BOTTOM}` });
        make(svg, 'circle', { class: 'best', cx: x(best), cy: y(error(best)), r: 9 });
        yours = make(svg, 'path', { class: 'yours' });
        move();
    };
    root.clear?.(); // this function is called anew for new data or another theme
    const slider = new MutationObserver(() => {
        const value = document.querySelector(`.st-key-${data.slider} input[type=range]`)?.value;
        if (value === undefined || Number(value) === shown) return;
        shown = alpha = Number(value);
        move();
    });
    let shown = Number(document.querySelector(`.st-key-${data.slider} input[type=range]`)?.value ?? NaN);
    slider.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['value'] });
    const size = new ResizeObserver(draw);
    size.observe(svg);
    root.clear = () => {
        slider.disconnect();
        size.disconnect();
    };
    draw();
    return root.clear;
}
