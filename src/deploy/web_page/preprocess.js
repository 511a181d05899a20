"use strict";
// From a photo's pixels to the network's input, as the library does it: include/locus/preprocessing.hpp says what, src/image/resampling.hpp with
// which weights.

// The part of the photo that the network sees, in photo pixels.
function visibleRegion(width, height, p) {
    if (p.resize === "squash") return { x: 0, y: 0, width, height };
    let w = width * p.crop_pct, h = height * p.crop_pct;
    if (p.resize === "crop") {
        const scale = Math.min(w / p.width, h / p.height);
        w = scale * p.width;
        h = scale * p.height;
    }
    return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}

// Which of `size` source pixels make up each of `count` output pixels over [origin, origin + extent), and with which weights: Pillow's triangle filter.
function triangleFilter(size, origin, extent, count) {
    const scale = extent / count, support = Math.max(scale, 1);
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    return Array.from({ length: count }, (_, i) => {
        const center = origin + (i + 0.5) * scale;
        const first = clamp(Math.trunc(center - support + 0.5), 0, size - 1);
        const last = clamp(Math.trunc(center + support + 0.5), first + 1, size);
        const weights = Array.from({ length: last - first }, (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / support));
        const sum = weights.reduce((a, b) => a + b, 0);
        return { first, weights: Float32Array.from(weights, (w) => (sum > 0 ? w / sum : 1 / (last - first))) };
    });
}

// IEEE 754 half precision of a float32, rounded to nearest even.
const halfOf = (() => {
    const number = new Float32Array(1), bits = new Uint32Array(number.buffer);
    return (value) => {
        number[0] = value;
        const sign = (bits[0] >>> 16) & 0x8000, magnitude = bits[0] & 0x7fffffff;
        if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
        if (magnitude < 0x38800000) {  // subnormal: adding 0.5 lets float32 do the rounding
            number[0] = Math.abs(value) + 0.5;
            return sign | (bits[0] - 0x3f000000);
        }
        return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    };
})();

const inputArrays = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array };

// `photo`: { width, height, data } with four bytes a pixel, the fourth left out. A typed array as the input's type and layout want it.
function preprocess(photo, p) {
    const region = visibleRegion(photo.width, photo.height, p);
    const columns = triangleFilter(photo.width, region.x, region.width, p.width);
    const rows = triangleFilter(photo.height, region.y, region.height, p.height);
    const begin = columns[0].first, last = columns[columns.length - 1];
    const values = (last.first + last.weights.length - begin) * 4;

    const channels = p.color === "gray" ? 1 : 3;
    const order = p.color === "bgr" ? [2, 1, 0] : [0, 1, 2];
    const raw = p.type === "uint8";
    const scale = order.map((_, c) => (raw ? 1 : p.range / (255 * p.std[c])));
    const offset = order.map((_, c) => (raw ? 0 : (-p.range * p.mean[c]) / p.std[c]));
    const plane = p.width * p.height;
    const pixelStep = p.layout === "nhwc" ? channels : 1, channelStep = p.layout === "nhwc" ? 1 : plane;
    const target = new inputArrays[p.type](plane * channels);
    const element = raw ? (v) => Math.min(Math.max(v, 0), 255) + 0.5 : p.type === "float16" ? halfOf : (v) => v;

    const mixed = new Float32Array(values);  // rows are mixed first: they lie in one piece
    const pixel = new Float32Array(3);
    for (let y = 0; y < p.height; ++y) {
        mixed.fill(0);
        for (let k = 0; k < rows[y].weights.length; ++k) {
            const weight = rows[y].weights[k];
            const start = ((rows[y].first + k) * photo.width + begin) * 4;
            for (let i = 0; i < values; ++i) mixed[i] += weight * photo.data[start + i];
        }
        for (let x = 0; x < p.width; ++x) {
            const { first, weights } = columns[x];
            pixel.fill(0);
            for (let k = 0, at = (first - begin) * 4; k < weights.length; ++k, at += 4)
                for (let c = 0; c < 3; ++c) pixel[c] += weights[k] * mixed[at + c];
            const place = (y * p.width + x) * pixelStep;
            if (channels === 1) {  // the luma of ITU-R BT.601
                target[place] = element((0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]) * scale[0] + offset[0]);
                continue;
            }
            for (let c = 0; c < 3; ++c) target[place + c * channelStep] = element(pixel[order[c]] * scale[c] + offset[c]);
        }
    }
    return target;
}
