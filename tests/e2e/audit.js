/* Every visible text with too little contrast to what is behind it (WCAG 2.2, 1.4.3): 4.5 : 1, large text and marks 3 : 1.
   Text that a style sheet adds before or after an element counts, too. `within` limits it to what matches a selector. */
(within) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    canvas.canvas.width = canvas.canvas.height = 1;
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat([1]);
    const luminance = (colour) => {
        const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (a, b) => {
        const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
        return (high + 0.05) / (low + 0.05);
    };
    const background = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] > 0) layers.push(colour);
            if (colour[3] === 1) break;
        }
        return layers.reverse().reduce((bottom, top) => over(top, bottom), [255, 255, 255, 1]);
    };
    const bad = new Set();
    const judge = (element, style, text) => {
        if (element.closest('style, script, [disabled], [aria-disabled=true], [data-stale=true], canvas')) return;
        if (style.visibility === 'hidden') return;
        let opacity = 1;
        for (let e = element; e; e = e.parentElement) {
            opacity *= parseFloat(getComputedStyle(e).opacity);
            const filter = getComputedStyle(e).filter;
            if (filter !== 'none') bad.add(`${text.slice(0, 40)}: ${filter}, behind which no colour is known`);
        }
        if (opacity < 0.05) return;
        const ink = rgba(element.ownerSVGElement ? style.fill : style.color);
        if (ink[3] === 0) return; // measures of formulas, never shown
        const thumb = element.closest('[data-testid=stSliderThumbValue]'); // stands above its thumb, not on it
        const behind = background(thumb ? thumb.closest('.stSlider') : element);
        const found = ratio(over([ink[0], ink[1], ink[2], ink[3] * opacity], behind), behind);
        const mark = element.closest('[data-testid=stIconMaterial]') || /^\p{S}+$/u.test(text); // pictures, though set as text
        const px = parseFloat(style.fontSize), large = px >= 24 || (px >= 18.66 && parseInt(style.fontWeight) >= 700);
        if (found < (large || mark ? 3 : 4.5)) bad.add(`${text.slice(0, 40)}: ${found.toFixed(2)} : 1, rgb ${ink} on ${behind}`);
    };
    const app = document.querySelector('.stApp'), walker = document.createTreeWalker(app, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.textContent.trim(), range = document.createRange();
        if (!text || (within && !node.parentElement.closest(within))) continue;
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect();
        if (box.width >= 2 && box.height >= 2) judge(node.parentElement, getComputedStyle(node.parentElement), text);
    }
    for (const input of app.querySelectorAll(':is(input[type=text], input[type=number], input:not([type]), textarea)')) {
        if (input.checkVisibility() && input.value) judge(input, getComputedStyle(input), input.value);
    }
    for (const element of app.querySelectorAll(':is(button, [role=button], [role=radio], label, a)')) {
        if (!element.checkVisibility()) continue;
        for (const side of ['::before', '::after']) {
            const style = getComputedStyle(element, side), text = /^"(.*\S.*)"$/.exec(style.content)?.[1];
            if (text) judge(element, style, text);
        }
    }
    return [...bad];
}
