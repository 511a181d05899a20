"use strict";
// The page: a photo or the camera in, the network's classes and where it looked out.

const byId = (id) => document.getElementById(id);
const plainNumber = (v) => (v < 0 ? "\u2212" : "") + (v === 0 ? "0" : Math.abs(v).toPrecision(Math.abs(v) < 0.001 ? 2 : 4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""));
const percent = (v) => `${(v * 100).toFixed(v < 0.0995 ? 1 : 0)} %`;
const milliseconds = (v) => `${v < 10 ? v.toFixed(1) : Math.round(v)} ms`;
function element(tag, className = "", text = "") {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.textContent = text;
    return made;
}

const mostPixels = 50e6;   // of a photo: 200 MB
const mostShown = 1280;    // side of the picture drawn
const view = { photo: null, result: null, which: 0, opacity: 0.5, threshold: 0.2, components: "largest", colormap: "", live: null };
let model, palettes, network;

function tell(text, isError = true) {
    const note = element("p", isError ? "error" : "", text);
    byId("notices").replaceChildren(...(text ? [note] : []));
}

// --- Photos in ---------------------------------------------------------------------------------------------------------

// The pixels as they are stored, upright, on white where they are transparent.
function pixelsOf(source, width, height) {
    const canvas = pixelsOf.canvas ??= document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(source, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
}

async function openFile(file) {
    if (!network) return;
    stopCamera();
    tell("");
    document.body.classList.add("busy");
    try {
        let bitmap;
        try {
            bitmap = await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
        } catch {
            throw new Error(`${file.name || "What was dropped"} is not a picture that this browser reads`);
        }
        const { width, height } = bitmap;
        if (width * height > mostPixels)
            throw new Error(`${file.name} has ${Math.round((width * height) / 1e6)} million pixels; this page takes ${mostPixels / 1e6} million at most`);
        const photo = pixelsOf(bitmap, width, height);
        bitmap.close();
        await explain(photo, file.name || "pasted picture");
    } catch (error) {
        tell(`${error.message}.`);
    }
    document.body.classList.remove("busy");
}

async function explain(photo, name) {
    const result = await network.explain(photo);
    Object.assign(view, { photo, result });
    view.which = Math.min(view.which, result.explanations.length - 1);
    byId("name").textContent = name;
    byId("where").textContent = `${photo.width} \u00d7 ${photo.height}`;
    byId("drop").hidden = true;
    byId("picture").hidden = byId("legend").hidden = false;
    drawPhoto();
    showClasses();
    showExplanation();
    showSpeed();
}

// --- The camera --------------------------------------------------------------------------------------------------------

async function startCamera() {
    if (!network || view.asksForCamera) return;
    if (!navigator.mediaDevices?.getUserMedia)
        return tell("Browsers give the camera to pages from https or localhost only: serve this page from there.");
    let stream;
    view.asksForCamera = true;
    try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } } });
    } catch (error) {
        return tell(`The camera cannot be used: ${error.message || error.name}.`);
    } finally {
        view.asksForCamera = false;
    }
    tell("");
    const video = document.createElement("video");
    Object.assign(video, { srcObject: stream, muted: true, playsInline: true });
    const live = (view.live = { stream, frames: [] });
    showCamera();
    try {
        await video.play();
        while (view.live === live) {
            await new Promise(requestAnimationFrame);
            if (!video.videoWidth) continue;
            await explain(pixelsOf(video, video.videoWidth, video.videoHeight), "Camera");
            live.frames = [...live.frames.filter((time) => time > performance.now() - 2000), performance.now()];
        }
    } catch (error) {
        tell(`${error.message}.`);
        stopCamera();
    }
}

function stopCamera() {
    view.live?.stream.getTracks().forEach((track) => track.stop());
    view.live = null;
    showCamera();
}

function showCamera() {
    const on = Boolean(view.live);
    document.body.classList.toggle("live", on);
    byId("camera").setAttribute("aria-pressed", on);
    byId("camera").textContent = on ? "Stop" : "Camera";
}

// --- The picture -------------------------------------------------------------------------------------------------------

function drawPhoto() {
    const { width, height } = view.photo;
    const zoom = Math.min(1, mostShown / Math.max(width, height));
    const canvas = byId("photo");
    canvas.width = Math.max(1, Math.round(width * zoom));
    canvas.height = Math.max(1, Math.round(height * zoom));
    canvas.getContext("2d").drawImage(pixelsOf.canvas, 0, 0, canvas.width, canvas.height);
    byId("picture").style.setProperty("--ratio", `${width} / ${height}`);
    fit();
}

// As large as the stage allows, the whole picture in sight.
function fit() {
    if (!view.photo) return;
    const figure = document.querySelector("figure");
    const wide = matchMedia("(min-width: 861px)").matches;
    const room = wide ? Math.max(160, figure.clientHeight - 64) : innerHeight * 0.62;
    const shown = Math.min(figure.clientWidth, (room * view.photo.width) / view.photo.height, wide ? 1100 : Infinity);
    figure.style.setProperty("--shown-width", `${Math.floor(shown)}px`);
}

function showExplanation() {
    const { photo, result } = view;
    if (!result) return;
    const explanation = result.explanations[view.which];
    const { map } = explanation;
    const rows = new RowInterpolator(map, photo.width, photo.height, result.region);
    const maximum = maximumOf(rows);
    const signed = palettes.isSigned(view.colormap);
    const range = rangeOf(map);
    const scale = signed ? Math.max(Math.abs(range.low), Math.abs(range.high)) || 1 : maximum > 0 ? maximum : Infinity;

    const canvas = byId("photo");
    const across = canvas.width / photo.width, down = canvas.height / photo.height, r = result.region;
    const region = { x: r.x * across, y: r.y * down, width: r.width * across, height: r.height * down };
    drawHeat(byId("heat"), new RowInterpolator(map, canvas.width, canvas.height, region), scale, palettes.table(view.colormap), signed);
    drawScale(byId("scale"), palettes.table(view.colormap));
    const isNothing = !(maximum > 0);
    byId("low").textContent = signed ? plainNumber(-scale) : "0";
    byId("high").textContent = isNothing ? "no positive evidence" : plainNumber(signed ? scale : maximum);
    byId("here").textContent = isNothing ? "No position speaks for this class." : "";
    Object.assign(view, { rows, maximum, signed, scale });
    showBoxes();
}

function showBoxes() {
    const { photo, result, rows, maximum } = view;
    if (!result) return;
    const explanation = result.explanations[view.which];
    const found = view.components === "none" ? [] : findBoxes(rows, maximum, view.threshold, view.components === "all");
    byId("boxes").replaceChildren(...found.map((box, i) => {
        const shown = element("div", i === 0 ? "box" : "box lesser");
        Object.assign(shown.dataset, box);
        const share = (value, whole) => `${(100 * value) / whole}%`;
        Object.assign(shown.style, { left: share(box.x, photo.width), top: share(box.y, photo.height), width: share(box.width, photo.width), height: share(box.height, photo.height) });
        if (i === 0) shown.append(element("span", "", `${explanation.name} ${percent(explanation.probability)}`));
        return shown;
    }));
    const tick = view.signed ? 0.5 + (view.threshold * maximum) / view.scale / 2 : view.threshold;
    byId("tick").style.left = `${100 * Math.min(Math.max(tick, 0), 1)}%`;
    byId("tick").hidden = !(maximum > 0);
}

// --- Beside the picture --------------------------------------------------------------------------------------------------

function showClasses() {
    byId("note").hidden = true;
    byId("classes").replaceChildren(...view.result.explanations.map((e, i) => {
        const button = element("button", "class");
        button.setAttribute("role", "radio");
        button.setAttribute("aria-checked", i === view.which);
        Object.assign(button.dataset, { index: e.index, probability: e.probability, logit: e.logit });
        const bar = element("u");
        bar.append(element("i"));
        bar.firstChild.style.width = `${100 * e.probability}%`;
        button.append(element("b", "", e.name), element("span", "", percent(e.probability)), bar);
        button.addEventListener("click", () => choose(i));
        return button;
    }));
}

function choose(which) {
    if (!view.result || which >= view.result.explanations.length) return;
    view.which = which;
    [...byId("classes").children].forEach((button, i) => button.setAttribute("aria-checked", i === which));
    showExplanation();
}

function table(id, rows) {
    byId(id).replaceChildren(...rows.filter(Boolean).flatMap(([name, value, title]) => {
        const dd = element("dd", "", value);
        if (title) dd.title = title;
        return [element("dt", "", name), dd];
    }));
}

function showSpeed() {
    const { result, live, session } = view;
    const second = live && live.frames.length > 1 ? ((live.frames.length - 1) * 1000) / (live.frames[live.frames.length - 1] - live.frames[0]) : 0;
    table("speed", [
        result && ["Photo to input", milliseconds(result.preprocessing)],
        result && ["Network and maps", milliseconds(result.network)],
        second > 0 && ["Camera", `${second.toFixed(1)} images a second`],
        ["Set-up", milliseconds(session.milliseconds)],
        ["Threads", String(session.threads), "More than one needs a server that sends Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp"],
    ]);
}

function showFacts() {
    const p = model.preprocessing;
    const numbers = (list) => [...new Set(list)].map(plainNumber).join(", ");
    table("facts", [
        ["Method", model.method],
        ["Layer", model.layer],
        ["Map", `${model.map.width} \u00d7 ${model.map.height}`],
        ["Model", model.name],
        ["Input", `${p.width} \u00d7 ${p.height}, ${p.color === "gray" ? "grey" : p.color.toUpperCase()}, ${p.resize}${p.resize !== "squash" ? ` ${plainNumber(p.crop_pct)}` : ""}`],
        p.type !== "uint8" && ["Mean", numbers(p.mean)],
        p.type !== "uint8" && ["Deviation", numbers(p.std)],
        p.range !== 1 && p.type !== "uint8" && ["White", plainNumber(p.range)],
        ["Runtime", `ONNX Runtime Web ${view.session?.runtime ?? ""}`.trim()],
        ["Locus", model.locus],
    ]);
}

// --- Beginning -----------------------------------------------------------------------------------------------------------

function showSliders() {
    byId("threshold-value").textContent = percent(view.threshold).replace(".0", "");
    byId("opacity-value").textContent = percent(view.opacity).replace(".0", "");
    byId("heat").style.opacity = view.opacity;
}

let frame = 0;
const soon = (draw) => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };

function listen() {
    byId("file").addEventListener("change", (event) => {
        const [file] = event.target.files;
        if (file) openFile(file);
        event.target.value = "";  // the same photo may be chosen again
    });
    byId("camera").addEventListener("click", () => (view.live ? stopCamera() : startCamera()));
    byId("opacity").addEventListener("input", (event) => { view.opacity = Number(event.target.value); showSliders(); });
    byId("threshold").addEventListener("input", (event) => { view.threshold = Number(event.target.value); showSliders(); soon(showBoxes); });
    byId("components").addEventListener("change", (event) => { view.components = event.target.value; showBoxes(); });
    byId("colormap").addEventListener("change", (event) => { view.colormap = event.target.value; showExplanation(); });
    addEventListener("resize", fit);
    document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dragging"); });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
    document.addEventListener("drop", (event) => {
        event.preventDefault();
        document.body.classList.remove("dragging");
        const [file] = event.dataTransfer.files;
        file ? openFile(file) : tell("What was dropped is not a file: save the picture and drop that.");
    });
    document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) openFile(event.clipboardData.files[0]); });
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input[type=range], select")) return;
        if (event.key >= "1" && event.key <= "9") choose(Number(event.key) - 1);
        if (event.key === "Escape") stopCamera();
    });
    byId("picture").addEventListener("pointermove", (event) => {
        if (!view.rows || event.pointerType === "touch") return;
        const area = byId("picture").getBoundingClientRect();
        const x = Math.floor(((event.clientX - area.left) / area.width) * view.photo.width);
        const y = Math.floor(((event.clientY - area.top) / area.height) * view.photo.height);
        if (x < 0 || y < 0 || x >= view.photo.width || y >= view.photo.height) return;
        const row = new Float32Array(view.photo.width);
        view.rows.row(y, row);
        const { region } = view.result;
        const seen = x + 0.5 >= region.x && x + 0.5 < region.x + region.width && y + 0.5 >= region.y && y + 0.5 < region.y + region.height;
        byId("here").textContent = seen ? `${plainNumber(row[x])} at ${x}, ${y}` : `not seen by the network at ${x}, ${y}`;
    });
    byId("picture").addEventListener("pointerleave", () => { byId("here").textContent = ""; });
}

function ready(isReady) {
    for (const id of ["file", "camera"]) byId(id).disabled = !isReady;
    byId("loading").hidden = isReady;
    byId("drop-title").textContent = isReady ? "Drop a photo here" : "Loading the model";
    byId("drop-text").textContent = isReady ? "or tap to choose one; it stays on this machine" : "";
}

async function begin() {
    ready(false);
    listen();
    showSliders();
    if (location.protocol === "file:")
        throw new Error("Browsers run models from a server only: in this folder, `python3 -m http.server`, then http://localhost:8000");
    const response = await fetch("model.json");
    if (!response.ok) throw new Error(`model.json cannot be fetched: ${response.status} ${response.statusText}`);
    model = await response.json();
    palettes = new Colormaps(model.colormaps, model.diverging);
    view.colormap = palettes.names()[0];
    byId("colormap").append(...palettes.names().map((name) => new Option(palettes.isSigned(name) ? `${name}, signed` : name, name)));
    byId("about").textContent = [model.name, model.method, `${model.classes.toLocaleString("en")} classes`].join(" \u00b7 ");
    document.title = `${model.name} \u2013 Locus`;
    showFacts();

    const loading = byId("loading");
    const opening = new Network(model, (share) => (share === null ? loading.removeAttribute("value") : (loading.value = share)));
    view.session = await opening.load();
    network = opening;
    showFacts();
    showSpeed();
    ready(true);
}

begin().catch((error) => {
    byId("loading").hidden = true;
    byId("drop-title").textContent = "The model does not run here";
    byId("drop-text").textContent = "";
    tell(`${error.message}.`);
});
