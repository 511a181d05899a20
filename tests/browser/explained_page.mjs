// The page of `locus export --web` in a real browser, from a local static server:
//
//     node explained_page.mjs LOCUS NPM_FOLDER REPOSITORY OUT
//
// Claims: classes, probabilities, maps and boxes on the page are those of `locus explain` for the same picture, whatever the preprocessing; nothing is
// asked of another server; the camera runs; what goes wrong is said on the page; it fits a phone and a desktop.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { deflateSync } from "node:zlib";
import { launch, openPage, requireInstalled } from "./browser.mjs";

const [locus, npmFolder, repository, out] = process.argv.slice(2);
const runtime = join(npmFolder, "onnxruntime-web/dist");
requireInstalled(npmFolder, { "onnxruntime-web": "onnxruntime-web/dist" });
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

function must(...args) {
    const { status, stderr } = spawnSync(locus, args, { encoding: "utf8" });
    assert.equal(status, 0, `locus ${args.join(" ")}\n${stderr}`);
}

// A picture without loss, so that every decoder gives the same pixels: hills of colour, and a turned half.
function writePng(file, width, height) {
    const rows = Buffer.alloc(height * (1 + width * 3));
    for (let y = 0, at = 0; y < height; ++y) {
        rows[at++] = 0;
        for (let x = 0; x < width; ++x)
            for (const k of [0.9, 1.7, 2.3]) rows[at++] = 127 + 60 * Math.sin(x * k * 0.07 + y * 0.02) + 60 * Math.cos(y * k * 0.05 - (x * x) / 4000);
    }
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
        const frame = Buffer.alloc(8);
        frame.writeUInt32BE(data.length, 0);
        frame.writeUInt32BE(crcOf(body), 4);
        return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
    };
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
    writeFileSync(file, Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]));
}
function crcOf(bytes) {
    let crc = ~0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let k = 0; k < 8; ++k) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".wasm": "application/wasm", ".onnx": "application/octet-stream" };
const server = createServer((request, response) => {
    const path = join(out, normalize(decodeURIComponent(new URL(request.url, "http://x").pathname)));
    if (!path.startsWith(out) || !existsSync(path) || statSync(path).isDirectory()) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream", "Content-Length": statSync(path).size });
    createReadStream(path).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await launch(npmFolder, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
const mayAsk = (url) => /^(data|blob):/.test(url) || url.startsWith(`${origin}/`);
const open = (name, width = 1280, height = 900) => openPage(browser, `${origin}/${name}/index.html`, { width, height, mayAsk });
const isReady = (page) => page.waitForFunction(() => !document.getElementById("file").disabled);

// Gives the page a picture and waits until it is explained.
async function show(page, file) {
    await page.evaluate(() => { view.result = null; });
    await page.setInputFiles("#file", file);
    await page.waitForFunction(() => view.result || document.querySelector("#notices .error"));
}
const onPage = (page) => page.evaluate(() => view.result.explanations.map((e) => ({
    index: e.index, name: e.name, logit: e.logit, probability: e.probability, raw: [...e.raw], width: e.map.width, height: e.map.height,
})));

function readNpy(file) {
    const bytes = readFileSync(file);
    const start = 10 + bytes.readUInt16LE(8);
    return [...new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length))];
}
function explained(model, picture, ...options) {
    const folder = join(out, "run");
    must("explain", "-m", model, picture, "-c", "top:5", "--save", "map,boxes", "-q", "--overwrite", "-o", folder, ...options);
    return JSON.parse(readFileSync(join(folder, "results.json"), "utf8")).images[0].explanations.map((e) => ({ ...e, raw: readNpy(join(folder, e.map.file)) }));
}

let worst = 0;
async function compare(page, ours, tolerance, where) {
    const theirs = await onPage(page);
    assert.deepEqual(theirs.map((e) => e.index), ours.map((e) => e.class.index), where);
    for (const [i, e] of ours.entries()) {
        assert.equal(theirs[i].name, e.class.name ?? `class ${e.class.index}`, where);
        assert.deepEqual([theirs[i].width, theirs[i].height], [e.map.width, e.map.height], where);
        const scale = Math.max(...e.raw.map(Math.abs));
        const error = Math.max(...e.raw.map((v, k) => Math.abs(v - theirs[i].raw[k])));
        assert.ok(error <= tolerance * scale, `${where}, class ${e.class.index}: map ${error} of ${scale} off`);
        assert.ok(Math.abs(theirs[i].probability - e.probability) <= tolerance, `${where}: probability`);
        assert.ok(Math.abs(theirs[i].logit - e.logit) <= tolerance * Math.max(1, Math.abs(e.logit)), `${where}: logit`);
        worst = Math.max(worst, error / scale);
    }
}
const boxesOf = (page) => page.locator("#boxes .box").evaluateAll((boxes) => boxes.map(({ dataset: d }) => [d.x, d.y, d.width, d.height].map(Number)));

const picture = join(out, "hills.png"), small = join(out, "small.png"), photo = join(repository, "docs/images/overlays.jpg");
writePng(picture, 500, 333);
writePng(small, 37, 60);
const model = join(out, "tiny.onnx");
must("build", "tiny", "--classes", "7", "--width", "0.25", "-o", model, "-q");
writeFileSync(join(out, "labels.txt"), ["cat", "dog", "<b>bold</b>", "d", "e", "f", "g"].join("\n"));
const web = (name, network, ...options) => must("export", network, "--web", join(out, name), "--web-runtime", runtime, ...options);
web("tiny", model, "--labels", join(out, "labels.txt"));

const claims = {
    async "The page's numbers are explain's"() {
        const { page, troubles } = await open("tiny");
        await isReady(page);
        for (const [file, tolerance] of [[picture, 1e-4], [small, 1e-4], [photo, 0.1]]) {  // large JPEGs are decoded at a reduced size by the library
            await show(page, file);
            const ours = explained(model, file, "--labels", join(out, "labels.txt"));
            await compare(page, ours, tolerance, file);
            if (file === photo) continue;
            for (const [i, e] of ours.entries()) {
                await page.locator("#classes .class").nth(i).click();
                assert.deepEqual(await boxesOf(page), e.boxes.map((b) => [b.x, b.y, b.width, b.height]), `${file}, class ${i}`);
            }
        }
        assert.deepEqual(troubles, []);
        await page.close();
    },

    async "Preprocessing is what the model's metadata says"() {
        const gray = join(out, "gray.onnx");
        must("build", "tiny", "--classes", "7", "--width", "0.25", "--channels", "1", "-o", gray, "-q");
        for (const [name, network, options] of [
            ["crop", model, ["--resize", "crop", "--crop-pct", "0.8"]],
            ["squash-crop", model, ["--resize", "squash-crop", "--crop-pct", "0.7"]],
            ["bgr", model, ["--color", "bgr", "--mean", "0.1,0.2,0.3", "--std", "0.4,0.5,0.6"]],
            ["white", model, ["--range", "255", "--mean", "0", "--std", "200"]],
            ["gray", gray, []],
        ]) {
            web(name, network, "--method", "hires-cam", ...options);
            const { page, troubles } = await open(name);
            await isReady(page);
            await show(page, picture);
            await compare(page, explained(network, picture, "--method", "hires-cam", ...options), 1e-4, name);
            assert.deepEqual(troubles, []);
            await page.close();
        }
    },

    async "Maps without a meaningful zero, and of other methods"() {
        for (const method of ["eigen-cam", "ablation-cam", "saliency"]) {
            web(method, model, "--method", method);
            const { page, troubles } = await open(method);
            await isReady(page);
            await show(page, picture);
            const ours = explained(model, picture, "--method", method);
            await compare(page, ours, 1e-4, method);
            for (const [i, e] of ours.entries()) {
                await page.locator("#classes .class").nth(i).click();
                assert.deepEqual((await boxesOf(page)).length, e.boxes.length, method);
            }
            assert.deepEqual(troubles, []);
            await page.close();
        }
    },

    async "Sliders, keys and names"() {
        const { page, troubles } = await open("tiny");
        await isReady(page);
        await show(page, picture);
        await page.keyboard.press("3");
        assert.equal(await page.locator("#classes .class").nth(2).getAttribute("aria-checked"), "true");
        const before = await boxesOf(page);
        await page.locator("#threshold").fill("0.8");
        await page.waitForFunction((old) => JSON.stringify([...document.querySelectorAll("#boxes .box")].map((b) => b.dataset.width)) !== old,
                                   JSON.stringify(before.map((b) => String(b[2]))));
        await page.locator("#components").selectOption("none");
        assert.deepEqual(await boxesOf(page), []);
        await page.locator("#opacity").fill("0.9");
        assert.equal(await page.locator("#heat").evaluate((heat) => heat.style.opacity), "0.9");
        await page.locator("#colormap").selectOption("blue-red");
        assert.match(await page.locator("#low").innerText(), /^\u2212/);
        assert.equal(await page.locator("main b i, main .class b b").count(), 0);  // a label is text, whatever it holds
        assert.match(await page.locator("#speed").innerText(), /Network and maps\s+[\d.]+ ms/);
        assert.match(await page.locator("#facts").innerText(), /cam/);
        assert.deepEqual(troubles, []);
        await page.close();
    },

    async "A dropped picture is explained"() {
        const { page } = await open("tiny");
        await isReady(page);
        const bytes = [...readFileSync(picture)];
        await page.evaluate((bytes) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
            document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }, bytes);
        await page.waitForFunction(() => view.result);
        assert.equal(await page.locator("#name").innerText(), "dropped.png");
        await page.close();
    },

    async "What goes wrong is said"() {
        const { page } = await open("tiny");
        await isReady(page);
        writeFileSync(join(out, "text.png"), "no picture at all");
        await show(page, join(out, "text.png"));
        assert.match(await page.locator("#notices .error").innerText(), /text\.png is not a picture/);
        await show(page, picture);
        assert.equal(await page.locator("#notices p").count(), 0);
        await page.close();

        web("broken", model);
        writeFileSync(join(out, "broken/model.onnx"), readFileSync(join(out, "broken/model.onnx")).subarray(0, 1000));
        const broken = await open("broken");
        await broken.page.waitForSelector("#notices .error");
        assert.match(await broken.page.locator("#drop").innerText(), /does not run here/);
        await broken.page.close();
        rmSync(join(out, "broken/model.onnx"));
        const missing = await open("broken");
        await missing.page.waitForSelector("#notices .error");
        assert.match(await missing.page.locator("#notices .error").innerText(), /model\.onnx cannot be fetched: 404/);
        await missing.page.close();
    },

    async "The camera is explained, image after image"() {
        const { page, troubles } = await open("tiny");
        await isReady(page);
        await page.locator("#camera").click();
        await page.waitForFunction(() => view.live?.frames.length > 3);
        assert.match(await page.locator("#speed").innerText(), /images a second/);
        await page.locator("#camera").click();
        assert.equal(await page.evaluate(() => view.live), null);
        assert.equal(await page.locator("#camera").innerText(), "Camera");
        assert.deepEqual(troubles, []);
        await page.close();
    },

    async "It fits a phone and a desktop, light and dark"() {
        for (const [width, height] of [[390, 844], [1280, 800]])
            for (const colorScheme of ["light", "dark"]) {
                const { page, troubles } = await open("tiny", width, height);
                await page.emulateMedia({ colorScheme });
                await isReady(page);
                await page.screenshot({ path: join(out, `empty-${width}-${colorScheme}.png`) });
                await show(page, photo);
                assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `too wide at ${width}`);
                const shown = await page.locator("#picture").boundingBox();
                assert.ok(shown.width > width / 3 && shown.y + shown.height <= height, JSON.stringify(shown));
                await page.screenshot({ path: join(out, `page-${width}-${colorScheme}.png`) });
                assert.deepEqual(troubles, []);
                await page.close();
            }
    },

    async "A trained network on a real photo"() {
        const shared = join(repository, "../shared");
        const network = join(shared, "models/mobilenet_v2_imagenet.onnx"), real = join(shared, "photos/n02110341_dalmatian.JPEG");
        if (!existsSync(network) || !existsSync(real)) return "../shared is not part of the repository";
        web("trained", network);
        const { page, troubles } = await open("trained");
        await isReady(page);
        await show(page, real);
        await compare(page, explained(network, real), 0.1, "dalmatian");
        assert.match(await page.locator("#classes .class").first().innerText(), /dalmatian/i);
        await page.screenshot({ path: join(out, "trained.png") });
        assert.deepEqual(troubles, []);
        await page.close();
    },
};

let failed = 0;
for (const [claim, check] of Object.entries(claims)) {
    if (process.env.CLAIM && !claim.includes(process.env.CLAIM)) continue;
    try {
        const skipped = await check();
        console.log(skipped ? `skip  ${claim}: ${skipped}` : `ok    ${claim}`);
    } catch (error) {
        ++failed;
        console.error(`FAIL  ${claim}\n${error.stack}`);
    }
}
console.log(`the worst map is ${worst.toExponential(1)} of its largest value off`);
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
