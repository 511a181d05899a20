// Colours of maps, and pictures out of them.

function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
    return bytes;
}

// 256 colours as Uint8Array [256 * 3], by name.
class Colormaps {
    constructor(embedded, diverging) {
        this.tables = new Map(Object.entries(embedded).map(([name, base64]) => [name, bytesOf(base64)]));
        this.diverging = new Set(diverging);
    }
    names() { return [...this.tables.keys()]; }
    table(name) { return this.tables.get(name); }
    isSigned(name) { return this.diverging.has(name); }
}

// The raw map of an explanation: { width, height, values }.
function decodeMap(shape, base64) {
    const bytes = bytesOf(base64);
    const values = new Float32Array(shape.width * shape.height);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < values.length && i * 4 + 4 <= bytes.length; ++i) values[i] = view.getFloat32(i * 4, true);
    return { width: shape.width, height: shape.height, values };
}

// What is shown and boxed of a raw map: (value - zero) * sign, in float32 as the library computes it.
function evidenceOf(explanation, raw) {
    const zero = Math.fround(explanation.map.zero ?? 0), sign = explanation.sign?.value ?? 1;
    if (zero === 0 && sign > 0) return raw;
    return { ...raw, values: raw.values.map((value) => sign * Math.fround(value - zero)) };
}

// Where `value` lies on the colour map, 0 to 255: from 0 to the maximum, or, signed, from minus to plus the largest absolute value.
function colourIndex(value, scale, signed) {
    const share = signed ? 0.5 + value / scale / 2 : value / scale;
    return Math.round(Math.min(Math.max(share, 0), 1) * 255) || 0;
}

// Draws the heat of `rows` (a RowInterpolator of the canvas' size) into a canvas. What the network did not see stays transparent.
function drawHeat(canvas, rows, scale, table, signed) {
    canvas.width = rows.width;
    canvas.height = rows.height;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(rows.width, rows.height);
    const row = new Float32Array(rows.width);
    for (let y = rows.rows.first; y < rows.rows.last; ++y) {
        rows.row(y, row);
        let at = (y * rows.width + rows.columns.first) * 4;
        for (let x = rows.columns.first; x < rows.columns.last; ++x, at += 4) {
            const colour = colourIndex(row[x], scale, signed) * 3;
            pixels.data[at] = table[colour];
            pixels.data[at + 1] = table[colour + 1];
            pixels.data[at + 2] = table[colour + 2];
            pixels.data[at + 3] = 255;
        }
    }
    context.putImageData(pixels, 0, 0);
}

function drawScale(canvas, table) {
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(256, 1);
    for (let i = 0; i < 256; ++i) pixels.data.set([table[i * 3], table[i * 3 + 1], table[i * 3 + 2], 255], i * 4);
    context.putImageData(pixels, 0, 0);
}

// The numbers that a map's colours and boxes hang on.
function rangeOf(map) {
    let low = Infinity, high = -Infinity;
    for (const value of map.values) {
        if (!Number.isFinite(value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
    }
    return low <= high ? { low, high } : { low: 0, high: 0 };
}
