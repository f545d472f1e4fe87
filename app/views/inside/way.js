// The layers of a network in order, as tiles of pictures; a click on a layer that is a button reports its name.
export default function ({ data, parentElement, setTriggerValue }) {
    const list = parentElement.querySelector('ol');
    const { chosen, ...content } = data, known = JSON.stringify(content);
    const make = (tag, name, text) => {
        const element = document.createElement(tag);
        if (name) element.className = name;
        if (text) element.textContent = text;
        return element;
    };
    if (list.known !== known) {
        list.known = known;
        list.replaceChildren(...data.tiles.map((tile) => {
            const item = make('li'), body = make(tile.layer ? 'button' : 'section');
            if (tile.layer) {
                body.type = 'button';
                body.dataset.layer = tile.layer;
            }
            body.append(make('b', '', tile.title));
            for (const { src, alt, smooth, word } of tile.pictures) {
                const image = make('img', smooth ? 'smooth' : '');
                image.src = src;
                image.alt = alt;
                body.append(make('small', '', word), image);
            }
            for (const line of tile.lines) body.append(make('small', '', line));
            item.append(body);
            return item;
        }));
    }
    for (const button of list.querySelectorAll('button')) button.ariaPressed = button.dataset.layer === chosen;
    requestAnimationFrame(() => {
        const shown = list.querySelector('[aria-pressed=true]')?.parentElement;
        if (!shown || list.scrollWidth <= list.clientWidth) return;  // a single row on a phone alone
        if (shown.offsetLeft < list.scrollLeft || shown.offsetLeft + shown.offsetWidth > list.scrollLeft + list.clientWidth) {
            list.scrollLeft = shown.offsetLeft - 8;
        }
    });
    list.onclick = (event) => {
        const button = event.target.closest('button');
        if (button) setTriggerValue('picked', button.dataset.layer);
    };
}
