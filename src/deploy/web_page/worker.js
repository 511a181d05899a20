// The network, off the page's own thread: messages { id, load } and { id, run } in, { id, … } or { id, error } out.
import * as ort from "./ort/ort.wasm.min.js";

ort.env.logLevel = "error";
ort.env.wasm.wasmPaths = {
    mjs: new URL("./ort/ort-wasm-simd-threaded.js", import.meta.url).href,
    wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", import.meta.url).href,
};
// Threads share memory, which browsers allow where the server sends the two headers of cross-origin isolation.
ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 8) : 1;

let session;

// The file's bytes, telling how much of it has come.
async function fetched(url, id) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} cannot be fetched: ${response.status} ${response.statusText}`);
    const total = Number(response.headers.get("Content-Length")) || 0;
    const parts = [];
    let length = 0;
    for (const reader = response.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        length += value.length;
        postMessage({ id, progress: total ? Math.min(length / total, 1) : null });
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
        bytes.set(part, at);
        at += part.length;
    }
    return bytes;
}

const actions = {
    async load({ id, load }) {
        const bytes = await fetched(load, id);
        const start = performance.now();
        session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
        return { milliseconds: performance.now() - start, threads: ort.env.wasm.numThreads, runtime: ort.env.versions.web };
    },
    async run({ run: { name, type, data, shape } }) {
        const start = performance.now();
        const results = await session.run({ [name]: new ort.Tensor(type, data, shape) });
        const milliseconds = performance.now() - start;
        const { logits, classes, maps } = results;
        return { milliseconds, logits: logits.data, classes: Array.from(classes.data, Number), maps: maps.data, shape: maps.dims };
    },
};

self.onmessage = async ({ data }) => {
    try {
        postMessage({ id: data.id, result: await actions[data.load ? "load" : "run"](data) });
    } catch (error) {
        postMessage({ id: data.id, error: String(error?.message ?? error) });
    }
};
