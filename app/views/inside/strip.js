// Small maps of all channels, cut from sheets. Where they can be chosen they are buttons: the arrow keys move along them.
export default function ({ data, parentElement, setTriggerValue }) {
    const box = parentElement.querySelector('.strip');
    const { width, height } = data;
    const rules = data.sheets.map(({ src, columns, rows }, k) => `.strip span:nth-child(${k + 1}) {
        width: ${width}px; height: ${height}px; background-image: url(${src});
        background-size: ${columns * width}px ${rows * height}px; }`).join('');
    const sheets = parentElement.querySelector('style.sheets');  // one rule per sheet: no map carries its address
    if (sheets.textContent !== rules) sheets.textContent = rules;
    // The buttons stay where only the pictures or the choice have changed, and so does the place in the list.
    const known = JSON.stringify([data.count, data.word, data.fixed, width, height, data.sheets.map((sheet) => sheet.columns)]);
    if (box.known !== known) {
        box.known = known;
        box.replaceChildren(...Array.from({ length: data.count }, (_, index) => {
            const button = document.createElement(data.fixed ? 'b' : 'button');
            if (!data.fixed) button.type = 'button';
            button.dataset.index = index;
            button.title = button.ariaLabel = `${data.word} ${index}`;
            data.sheets.forEach(({ columns }) => {
                const map = document.createElement('span');
                map.style.backgroundPosition = `${-(index % columns) * width}px ${-Math.floor(index / columns) * height}px`;
                button.append(map);
            });
            return button;
        }));
    }
    box.ariaLabel = data.name;
    box.role = data.fixed ? 'img' : 'group';
    box.tabIndex = data.fixed ? 0 : -1;  // what cannot be chosen can still be scrolled by keyboard
    const buttons = [...box.children];
    const { chosen } = data;
    buttons.forEach((button, index) => {
        button.classList.toggle('chosen', index === chosen);
        if (data.fixed) return;
        button.ariaPressed = index === chosen;
        button.tabIndex = index === chosen ? 0 : -1;
    });
    requestAnimationFrame(() => {  // where things stand is asked once per frame, not once per strip
        const shown = buttons[chosen];
        if (shown && (shown.offsetTop < box.scrollTop || shown.offsetTop + shown.offsetHeight > box.scrollTop + box.clientHeight)) {
            box.scrollTop = shown.offsetTop - 4;  // the list alone: the page must not move
        }
    });
    box.onclick = (event) => {
        const button = event.target.closest('button');
        if (button) setTriggerValue('picked', Number(button.dataset.index));
    };
    box.onkeydown = (event) => {
        const at = buttons.indexOf(event.target.closest('button'));
        const across = Math.max(1, buttons.findIndex((button) => button.offsetTop > buttons[0].offsetTop));
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
        if (at < 0 || !step || !buttons[at + step]) return;
        event.preventDefault();
        buttons.forEach((button) => { button.tabIndex = -1; });
        buttons[at + step].tabIndex = 0;
        buttons[at + step].focus();
    };
}
