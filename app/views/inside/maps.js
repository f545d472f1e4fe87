// Enlarged maps in a row; a click on a pixel reports the map, the row and the column.
export default function ({ data, parentElement, setTriggerValue }) {
    const box = parentElement.querySelector('.maps');
    const make = (tag, name, text) => {
        const element = document.createElement(tag);
        if (name) element.className = name;
        if (text) element.textContent = text;
        return element;
    };
    box.replaceChildren(...data.maps.map((map) => {
        const figure = make('figure'), frame = make('span', 'frame'), image = make('img');
        figure.append(make('figcaption', '', map.title), frame, make('small', '', map.note));
        figure.dataset.map = map.id;
        frame.style.aspectRatio = `${map.columns} / ${map.rows}`;
        image.src = map.src;
        image.alt = map.alt;
        image.draggable = false;
        frame.append(image);
        if (map.mark) {
            const [row, column, height, width] = map.mark, mark = make('i');
            mark.style.cssText = `top:${100 * row / map.rows}%;left:${100 * column / map.columns}%;`
                + `height:${100 * height / map.rows}%;width:${100 * width / map.columns}%`;
            frame.append(mark);
        }
        const place = (event) => {
            const { left, top, width, height } = frame.getBoundingClientRect();
            const at = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
            return { row: at((event.clientY - top) / height, map.rows), column: at((event.clientX - left) / width, map.columns) };
        };
        frame.onpointermove = (event) => {
            const { row, column } = place(event);
            frame.title = `row ${row}, column ${column}`;
        };
        frame.onclick = (event) => setTriggerValue('picked', { map: map.id, ...place(event) });
        return figure;
    }));
}
