// Explained models in a client that is not ours, ONNX Runtime for Node.js:
//
//     node explained_models.mjs LOCUS PHOTO_TENSOR NPM_FOLDER REPOSITORY OUT
//
// Claims: the file that `locus export` writes gives the classes, logits and maps that `locus explain` gives for the same input, to 1e-4 of the map's
// largest absolute value, for every method that can be exported, on the builder's networks with each kind of head always, and on trained and
// golden networks where they lie beside the repository; for photos, for batches, for one layer and several; with the classes chosen in
// the graph and given as an input; resized and normalised as `locus explain` shows maps.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [locus, photoTensor, npmFolder, repository, out] = process.argv.slice(2);
if (!existsSync(join(npmFolder, "onnxruntime-node"))) {
    console.error(`onnxruntime-node is not in ${npmFolder}: run scripts/setup.sh test, which installs it.`);
    process.exit(1);
}
const ort = createRequire(join(npmFolder, "x.js"))("onnxruntime-node");
const shared = join(repository, "../shared");
const tolerance = 1e-4;
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

function run(command, args) {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
    return { status, stdout, stderr };
}
function must(command, args) {
    const result = run(command, args);
    assert.equal(result.status, 0, `${[command, ...args].join(" ")}\n${result.stderr}`);
    return result.stdout;
}

// A little-endian float32 array in C order, as our own files are.
function readNpy(file) {
    const bytes = readFileSync(file);
    const start = 10 + bytes.readUInt16LE(8);
    const header = bytes.toString("latin1", 10, start);
    assert.match(header, /'descr': '<f4'/);
    assert.match(header, /'fortran_order': False/);
    const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((s) => s.trim()).map(Number);
    return { shape, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length)) };
}

function largest(values) {
    return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
function assertNear(found, expected, what, allowed = tolerance) {
    assert.equal(found.length, expected.length, `${what}: how many`);
    const scale = largest(expected);
    let worst = 0;
    for (let i = 0; i < expected.length; ++i) {
        const error = Math.abs(found[i] - expected[i]);
        worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
    }
    assert.ok(worst <= allowed * scale, `${what}: ${worst} off, where the largest is ${scale}`);
    return scale ? worst / scale : 0;
}

// What `locus explain` says of an array of inputs: for each item its classes, logits and maps.
function explained(model, input, method, options, classes, folder) {
    const result = run(locus, ["explain", "-m", model, input, "--method", method, ...options, ...classes.flatMap((c) => ["-c", c]),
                               "--save", "map", "-q", "--overwrite", "-o", folder]);
    if (result.status !== 0) return { refusal: result.stderr };
    const { images } = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
    return { items: images.map(({ explanations }) => explanations.map((e) => ({
        index: e.class.index, logit: e.logit, map: readNpy(join(folder, e.map.file)),
    }))) };
}

async function runExplained(file, input, given) {
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, interOpNumThreads: 1 });
    const feeds = { [session.inputNames.find((name) => name !== "class")]: new ort.Tensor("float32", input.values, input.shape) };
    if (given) feeds.class = new ort.Tensor("int64", BigInt64Array.from(given, BigInt), [given.length]);
    assert.deepEqual([...session.outputNames].sort(), ["classes", "logits", "maps"]);
    const result = await session.run(feeds);
    await session.release();
    return result;
}

const item = (tensor, i) => {
    const size = tensor.data.length / tensor.dims[0];
    return tensor.data.subarray(i * size, (i + 1) * size);
};

// Grad-CAM++ divides by a sum that comes near zero where activations are negative, as a transformer's are: what two sessions round differently is
// multiplied there.
const toleranceOf = (method) => (method === "grad-cam++" ? 10 * tolerance : tolerance);

let compared = 0, worst = 0;

// One model, one method: exported and explained, on every item of the input.
async function compare(name, model, input, method, options = []) {
    const where = `${name}, ${[method, ...options].join(" ")}`;
    const file = join(out, "explained.onnx"), folder = join(out, "run");
    const exported = run(locus, ["export", model, "--method", method, ...options, "--classes", "top:2", "-o", file]);
    const ours = explained(model, input, method, options, ["top:2"], folder);
    if (exported.status !== 0) return { where, refusal: exported.stderr, explainable: !ours.refusal };
    assert.ok(!ours.refusal, `${where}: exported, but explain says ${ours.refusal}`);
    const tensor = readNpy(input);
    const theirs = await runExplained(file, tensor);
    assert.deepEqual(theirs.classes.dims, [tensor.shape[0], 2], where);
    assert.equal(theirs.classes.type, "int64");
    for (const [i, classes] of ours.items.entries()) {
        assert.deepEqual([...item(theirs.classes, i)].map(Number), classes.map((c) => c.index), `${where}: classes`);
        const logits = item(theirs.logits, i), maps = item(theirs.maps, i);
        for (const [c, { index, logit, map }] of classes.entries()) {
            assert.ok(Math.abs(logits[index] - logit) <= tolerance * largest(logits), `${where}: logit`);
            assert.deepEqual(theirs.maps.dims.slice(2), map.shape.slice(-2), where);
            const size = map.values.length;
            assert.ok(largest(map.values) > 0, `${where}: an empty map says nothing`);
            worst = Math.max(worst, assertNear(maps.subarray(c * size, (c + 1) * size), map.values, `${where}, item ${i}, class ${index}`,
                                               toleranceOf(method)));
            ++compared;
        }
    }
    return { where };
}

const exportable = JSON.parse(must(locus, ["methods", "--json"])).filter((m) => m.exportable).map((m) => m.name);
const others = JSON.parse(must(locus, ["methods", "--json"])).filter((m) => !m.exportable).map((m) => m.name);
const inspected = (model) => JSON.parse(must(locus, ["inspect", model, "--json"]));
const mapOfInput = new Set(["saliency", "input-x-gradient", "guided-backprop", "deconvnet"]);

// Every exportable method on a model, at its own layer, at the layer before that, and at both. Refusals are counted: the caller says which are right.
async function everyMethod(name, model, input, refused) {
    const { layers, target_layer: last } = inspected(model);
    const middle = layers.map((l) => l.tensor).filter((tensor) => tensor !== last).pop();
    const refusals = [];
    for (const method of exportable) {
        const places = mapOfInput.has(method) || !middle ? [[]] : [[], ["--layer", middle], ["--layer", `${middle},${last}`]];
        for (const place of places) {
            const { where, refusal } = await compare(name, model, input, method, place);
            if (refusal) refusals.push({ method, place, where, refusal });
        }
    }
    for (const { method, place, where, refusal } of refusals) {
        assert.match(refusal, /^locus: error: [^\n]+\n$/, where);
        assert.ok(refused.some((r) => r === method || (place.length && r === `${method} elsewhere`)), `${where}: ${refusal}`);
    }
}

const arrays = new Map();
function photos(model, ...files) {
    const key = [model, ...files].join();
    if (!arrays.has(key)) {
        const file = join(out, `input${arrays.size}.npy`);
        must(photoTensor, [model, file, ...files]);
        arrays.set(key, file);
    }
    return arrays.get(key);
}
const photo = join(repository, "docs/images/overlays.jpg");
const realPhotos = () => {
    const folder = join(shared, "photos");
    return existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith(".JPEG")).map((f) => join(folder, f)) : [];
};
function built(...options) {
    const file = join(out, `${options.join("_").replaceAll("-", "")}.onnx`);
    must(locus, ["build", ...options, "-o", file, "-q"]);
    return file;
}

const elsewhere = ["cam elsewhere", "ablation-cam elsewhere", "recipro-cam elsewhere"];
const tiny = (...options) => built("tiny", "--classes", "7", "--width", "0.25", ...options);

// A map as pictures show it (docs/explained-models.md): resized to [height, width], then 0 to 1.
function shown(map, height, width, kind) {
    const [h, w] = map.shape.slice(-2);
    const axis = (from, to) => Array.from({ length: to }, (_, i) => {
        const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
        return [Math.floor(at), Math.min(Math.floor(at) + 1, from - 1), at - Math.floor(at)];
    });
    const columns = axis(w, width);
    const values = axis(h, height).flatMap(([top, bottom, down]) => columns.map(([left, right, along]) => {
        const mixed = (y) => map.values[y * w + left] * (1 - along) + map.values[y * w + right] * along;
        return mixed(top) * (1 - down) + mixed(bottom) * down;
    }));
    const least = kind === "relu" ? 0 : Math.min(...values);
    const positive = values.map((v) => Math.max(v - least, 0));
    const greatest = Math.max(...positive);
    return { resized: values, normalised: positive.map((v) => (greatest > 0 ? v / greatest : 0)) };
}

const claims = {
    async "Every exportable method gives explain's maps, at one layer and at two"() {
        for (const head of ["gap", "fc"]) {
            const model = tiny("--head", head);
            await everyMethod(`tiny ${head}`, model, photos(model, photo, photo), head === "fc" ? ["cam", ...elsewhere] : elsewhere);
        }
    },

    async "Closed forms hold behind maxima and sums"() {
        for (const head of ["gmp", "sum"]) {
            const model = tiny("--head", head);
            for (const method of ["cam", "grad-cam", "ablation-cam", "recipro-cam"])
                assert.ok(!(await compare(`tiny ${head}`, model, photos(model, photo), method)).refusal, `${head}, ${method}`);
        }
    },

    async "The other methods are refused in a sentence that names those that can be"() {
        const model = tiny();
        assert.ok(others.includes("rise") && others.includes("score-cam") && others.includes("kpca-cam"));
        for (const method of others) {
            const { status, stderr } = run(locus, ["export", model, "--method", method, "-o", join(out, "refused.onnx")]);
            assert.equal(status, 1, method);
            assert.match(stderr, /^locus: error: [^\n]*cannot be exported; these methods can: [^\n]*grad-cam[^\n]*\n$/, method);
            assert.ok(!existsSync(join(out, "refused.onnx")), method);
        }
    },

    async "A class given as an input is the class explained"() {
        const model = tiny(), file = join(out, "given.onnx");
        const input = photos(model, photo, photo);
        for (const method of ["cam", "grad-cam++", "saliency"]) {
            must(locus, ["export", model, "--method", method, "--classes", "input", "-o", file]);
            const ours = explained(model, input, method, [], ["3", "5"], join(out, "run"));
            const theirs = await runExplained(file, readNpy(input), [5, 3]);
            assert.deepEqual([...theirs.classes.data].map(Number), [5, 3]);
            for (const [i, index] of [5, 3].entries()) {
                const { map } = ours.items[i].find((c) => c.index === index);
                assertNear(item(theirs.maps, i), map.values, `${method}, class ${index}`);
                ++compared;
            }
        }
    },

    async "Maps are resized and normalised as they are shown"() {
        const model = tiny(), file = join(out, "shown.onnx"), input = photos(model, photo);
        for (const [method, kind] of [["cam", "relu"], ["eigen-cam", "min-max"], ["ablation-cam", "relu"]]) {
            for (const normalise of [false, true]) {
                must(locus, ["export", model, "--method", method, "--classes", "top:7", "--map-size", "100x33", "-o", file, ...(normalise ? ["--normalize"] : [])]);
                const ours = explained(model, input, method, [], ["top:7"], join(out, "run")).items[0];
                const theirs = await runExplained(file, readNpy(input));
                assert.deepEqual(theirs.maps.dims, [1, 7, 100, 33]);
                for (const [c, { map, logit }] of ours.entries()) {
                    // Normalised maps show what the picture shows: where ablation-cam's score is negative, the map turned back.
                    const turned = normalise && method === "ablation-cam" && logit < 0 ? { ...map, values: map.values.map((v) => -v) } : map;
                    const { resized, normalised } = shown(turned, 100, 33, kind);
                    assertNear(theirs.maps.data.subarray(c * 3300, (c + 1) * 3300), normalise ? normalised : resized, `${method}, ${normalise}`);
                    ++compared;
                }
            }
        }
    },

    async "A fixed batch stays, and the class input has it"() {
        const model = tiny("--batch", "2"), file = join(out, "fixed.onnx"), input = photos(model, photo, photo);
        await compare("fixed batch", model, input, "grad-cam");
        must(locus, ["export", model, "--method", "cam", "--classes", "input", "-o", file]);
        const session = await ort.InferenceSession.create(file);
        assert.deepEqual(session.inputMetadata.map(({ shape }) => shape[0]), [2, 2]);
        assert.deepEqual(session.outputMetadata.map(({ shape }) => shape[0]), [2, 2, 2]);
        await session.release();
    },

    async "Networks of other exporters, the golden ones: the transformer too"() {
        const folder = join(shared, "goldens");
        if (!existsSync(folder)) return "../shared/goldens is not part of the repository";
        for (const name of ["vit", "densenet", "resnet_silu"]) {
            const model = join(folder, `${name}.onnx`);
            const refused = name === "vit" ? ["cam", "ablation-cam", "recipro-cam", ...elsewhere] : elsewhere;
            await everyMethod(name, model, photos(model, photo, photo), refused);
        }
    },

    async "Trained networks on real photos"() {
        if (!realPhotos().length) return "../shared/photos is not part of the repository";
        for (const name of ["mobilenet_v2_imagenet", "mobilenet_v2_imagenet_packed", "mobilenet_v2_imagenet_qdq", "squeezenet_imagenet", "minifasnet"]) {
            const model = join(shared, "models", `${name}.onnx`);
            const input = photos(model, ...realPhotos().slice(0, 3));
            // Not saliency on quantized weights: a default session computes them in another order, and a rounding at one of Relu6's kinks opens
            // or closes a unit for the gradient by all of the network.
            const quantized = /qdq|packed/.test(name);
            for (const method of ["cam", "grad-cam", "layer-cam", "eigen-cam", ...(quantized ? [] : ["saliency"])]) {
                const { where, refusal } = await compare(name, model, input, method);
                assert.ok(!refusal || (name === "minifasnet" && method === "cam"), `${where}: ${refusal}`);
            }
        }
    },
};

const only = process.env.CLAIM;
let failed = 0;
for (const [claim, check] of Object.entries(claims)) {
    if (only && !claim.includes(only)) continue;
    const before = compared;
    try {
        const skipped = await check();
        console.log(skipped ? `skip  ${claim}: ${skipped}` : `ok    ${claim} (${compared - before} maps)`);
    } catch (error) {
        ++failed;
        console.error(`FAIL  ${claim}\n${error.stack}`);
    }
}
console.log(`${compared} maps compared; the worst is ${worst.toExponential(1)} of its largest value off`);
process.exit(failed ? 1 : 0);
