"use strict";
// The explained model as the page sees it: a photo's pixels in, its classes with their maps out.

class Network {
    // `model`: model.json. `progress`: called with 0 to 1, or null where the size is not known.
    constructor(model, progress) {
        this.model = model;
        this.waiting = new Map();
        this.next = 0;
        this.worker = new Worker("worker.js", { type: "module" });
        this.worker.onmessage = ({ data: { id, result, error, progress: share } }) => {
            if (share !== undefined) return progress(share);
            const { resolve, reject } = this.waiting.get(id);
            this.waiting.delete(id);
            error ? reject(new Error(error)) : resolve(result);
        };
        this.worker.onerror = (event) => {
            const error = new Error(event.message ? `the worker failed: ${event.message}` : "the worker cannot be started: is ort/ complete, and is .js served as JavaScript?");
            for (const { reject } of this.waiting.values()) reject(error);
            this.waiting.clear();
        };
    }

    ask(message, transfer = []) {
        const id = this.next++;
        return new Promise((resolve, reject) => {
            this.waiting.set(id, { resolve, reject });
            this.worker.postMessage({ id, ...message }, transfer);
        });
    }

    load() { return this.ask({ load: this.model.file }); }

    // { explanations: [{ index, name, logit, probability, map, zero, sign }], region, preprocessing, network } of an ImageData; times in milliseconds.
    async explain(photo) {
        const { preprocessing: p, input } = this.model;
        const start = performance.now();
        let data = preprocess(photo, p);
        const batch = input.batch ?? 1;
        if (batch > 1) {  // a model of a fixed batch: the other items stay empty
            const all = new data.constructor(data.length * batch);
            all.set(data);
            data = all;
        }
        const channels = p.color === "gray" ? 1 : 3;
        const shape = p.layout === "nhwc" ? [batch, p.height, p.width, channels] : [batch, channels, p.height, p.width];
        const preprocessing = performance.now() - start;
        const out = await this.ask({ run: { name: input.name, type: p.type, data, shape } }, [data.buffer]);
        const [, m, height, width] = out.shape;
        const logits = out.logits.subarray(0, out.logits.length / batch);
        const probabilities = probabilitiesOf(logits, this.model.activation);
        const explanations = out.classes.slice(0, m).map((index, i) => {
            const values = Float32Array.from(out.maps.subarray(i * width * height, (i + 1) * width * height));
            const logit = logits[index];
            return {
                index, name: this.model.labels[index] || `class ${index}`, logit, probability: probabilities[index], raw: values,
                map: evidenceOf({ width, height, values }, this.model, logit),
            };
        });
        return { explanations, logits, region: visibleRegion(photo.width, photo.height, p), preprocessing, network: out.milliseconds };
    }
}

function probabilitiesOf(logits, activation) {
    if (activation === "sigmoid" || logits.length === 1) return Array.from(logits, (v) => 1 / (1 + Math.exp(-v)));
    const greatest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = Array.from(logits, (v) => Math.exp(v - greatest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / sum);
}

// What pictures and boxes are made from: the raw map over its "no evidence" value, turned back where the method turned it over.
function evidenceOf(map, model, logit) {
    const turned = model.method === "ablation-cam" && model.maps === "relu" && logit < 0 ? -1 : 1;
    const zero = model.maps === "min-max" ? map.values.reduce((a, b) => Math.min(a, b), Infinity) : 0;
    return { ...map, values: map.values.map((v) => turned * (v - zero)) };
}
