// The page: what is shown of the image and class chosen.

const byId = (id) => document.getElementById(id);
const signedNumber = (v) => (v < 0 ? "\u2212" : "+") + Math.abs(v).toFixed(Math.abs(v) < 10 ? 3 : 2);
const plainNumber = (v) => (v < 0 ? "\u2212" : "") + (v === 0 ? "0" : Math.abs(v).toPrecision(Math.abs(v) < 0.001 ? 2 : 4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""));

const { run, view: asked, counts, colormaps, diverging } = JSON.parse(byId("run").textContent);
const palettes = new Colormaps(colormaps, diverging);

const items = [...document.querySelectorAll("script.image")].map((script, number) => {
    const { image, maps } = JSON.parse(script.textContent);
    script.textContent = "";  // the parsed copy is enough
    const cut = image.file.lastIndexOf("/");
    const first = image.explanations[0];
    return {
        number, image, maps, preview: script.nextElementSibling,
        basename: image.file.slice(cut + 1), folder: image.file.slice(0, Math.max(cut, 0)),
        title: first ? nameOf(first) : "",
        subtitle: first ? [certainty(first), nameOf(first)].filter(Boolean).join(" \u00b7 ") : "",
        words: [image.file, ...image.explanations.map(nameOf)].join("\n").toLocaleLowerCase(),
        decoded: [],
    };
});
// Pictures of one name, as in a folder a class, show their folder as well.
const named = new Map();
for (const { basename } of items) named.set(basename, (named.get(basename) ?? 0) + 1);
for (const item of items) {
    const folder = item.folder.split("/").pop();
    item.label = folder && named.get(item.basename) > 1 ? `${folder}/${item.basename}` : item.basename;
}
const failures = [...document.querySelectorAll("script.failure")].map((script) => JSON.parse(script.textContent));

const view = {
    items: [], item: null, which: 0,
    opacity: asked.opacity, threshold: run.threshold, components: run.components === "all" ? "all" : "largest",
    colormap: asked.colormap,
};

// --- An image's pictures and maps ------------------------------------------------------------------------------------

function photoOf(item) {
    const data = item.preview.textContent;
    if (!data) return Promise.resolve(null);
    const photo = new Image();
    photo.src = "data:image/jpeg;base64," + data;
    return photo.decode().then(() => photo, () => null);
}

// The raw map, what is shown of it, that one's range and its interpolator at the photo's own size, made when first asked for. Only the last few
// interpolators are kept.
const recent = [];
function mapOf(item, which) {
    const explanation = item.image.explanations[which];
    const entry = (item.decoded[which] ??= { raw: decodeMap(explanation.map, item.maps[which]) });
    entry.shown ??= evidenceOf(explanation, entry.raw);
    entry.range ??= rangeOf(entry.shown);
    if (!entry.rows) {
        entry.rows = new RowInterpolator(entry.shown, item.image.width, item.image.height, item.image.region);
        entry.maximum ??= maximumOf(entry.rows);
        recent.push(entry);
        if (recent.length > 6) recent.shift().rows = null;
    }
    return entry;
}

function scaleOf(entry, signed) {
    const high = entry.maximum ?? entry.range.high;
    return signed ? Math.max(Math.abs(entry.range.low), Math.abs(entry.range.high)) || 1 : high > 0 ? high : Infinity;
}

// The interpolator of a smaller picture of the same photo.
function rowsAt(item, map, width, height) {
    const { image } = item;
    const across = width / image.width, down = height / image.height, r = image.region;
    return new RowInterpolator(map, width, height, { x: r.x * across, y: r.y * down, width: r.width * across, height: r.height * down });
}

const thumbnails = new Map();  // item -> canvas, the latest 300
function drawThumbnail(item, canvas) {
    const context = canvas.getContext("2d");
    const ready = thumbnails.get(item);
    if (ready) return void context.drawImage(ready, 0, 0);
    photoOf(item).then((photo) => {
        if (!canvas.isConnected) return;
        const side = canvas.width;
        const { width, height } = photo ?? item.image;
        const zoom = side / Math.min(width, height);
        const place = [(side - width * zoom) / 2, (side - height * zoom) / 2, width * zoom, height * zoom];
        if (photo) context.drawImage(photo, ...place);
        if (item.image.explanations.length > 0) {
            const explanation = item.image.explanations[0];
            const map = item.decoded[0]?.shown ?? evidenceOf(explanation, decodeMap(explanation.map, item.maps[0]));
            const heat = document.createElement("canvas");
            const signed = palettes.isSigned(view.colormap);
            drawHeat(heat, rowsAt(item, map, 48, 48), scaleOf({ range: rangeOf(map) }, signed), palettes.table(view.colormap), signed);
            context.globalAlpha = photo ? 0.42 : 1;
            context.drawImage(heat, ...place);
            context.globalAlpha = 1;
        }
        const copy = document.createElement("canvas");
        copy.width = copy.height = side;
        copy.getContext("2d").drawImage(canvas, 0, 0);
        thumbnails.set(item, copy);
        if (thumbnails.size > 300) thumbnails.delete(thumbnails.keys().next().value);
    });
}

// --- The stage ---------------------------------------------------------------------------------------------------------

const list = new ImageList(byId("list"), byId("rows"), (item) => { browse(false); open(item); }, drawThumbnail);

function open(item) {
    view.item = item;
    view.which = Math.min(view.which, Math.max(0, item.image.explanations.length - 1));
    list.select(item);
    byId("name").textContent = item.basename;
    byId("name").title = item.image.file;
    const { width, height } = item.image;
    const stretched = ratioOf(item.image) !== width / height ? "stretched" : "";
    byId("where").textContent = [item.folder, `${width} \u00d7 ${height}`, stretched].filter(Boolean).join(" \u00b7 ");
    byId("warning").textContent = item.image.warning ?? "";
    byId("warning").hidden = !item.image.warning;
    document.title = `${item.basename} \u2013 Locus`;
    showPosition();
    try { history.replaceState(null, "", "#" + (item.number + 1)); } catch { /* some viewers have no address */ }
    byId("stage").style.setProperty("--ratio", ratioOf(item.image));
    fit();
    const canvas = byId("photo");
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    photoOf(item).then((photo) => {
        if (view.item !== item) return;
        canvas.width = photo?.naturalWidth ?? 1;
        canvas.height = photo?.naturalHeight ?? 1;
        if (photo) canvas.getContext("2d").drawImage(photo, 0, 0);
        byId("heat").style.opacity = photo ? view.opacity : 1;
    });
    showExplanation();
}

// Width over height of the picture as it is shown: a strip of few pixels is stretched, so that there is something to see.
const slimmest = 10;
const ratioOf = ({ width, height }) => Math.min(slimmest, Math.max(1 / slimmest, width / height));

// As large as the stage allows, the whole picture in sight.
function fit() {
    if (!view.item) return;
    const figure = document.querySelector("figure");
    const wide = matchMedia("(min-width: 861px)").matches;
    const room = wide ? Math.max(160, figure.clientHeight - 64) : Math.max(320, document.documentElement.clientHeight - 200);
    const shown = Math.min(figure.clientWidth, room * ratioOf(view.item.image), wide ? 1100 : Infinity);
    figure.style.setProperty("--shown-width", `${Math.floor(shown)}px`);
    placeLabel();
}

function showPosition() {
    const at = view.items.indexOf(view.item);
    byId("position").textContent = at >= 0 ? `${at + 1} of ${view.items.length}` : `${view.items.length}`;
    byId("previous").disabled = at <= 0;
    byId("next").disabled = at < 0 ? view.items.length === 0 : at + 1 >= view.items.length;
}

function step(by) {
    const at = view.items.indexOf(view.item);
    const next = view.items[at < 0 ? 0 : at + by];
    if (next) open(next);
}

function showExplanation() {
    const explanation = view.item.image.explanations[view.which];
    showClasses();
    if (explanation) drawMap();
    showEvidence(explanation);
    showFacts(explanation);
    showBoxes();
}

function drawMap() {
    const item = view.item;
    const entry = mapOf(item, view.which);
    const signed = palettes.isSigned(view.colormap);
    const scale = scaleOf(entry, signed);
    const table = palettes.table(view.colormap);
    const { width, height } = item.image;
    const zoom = Math.min(1, 512 / Math.max(width, height));
    const rows = rowsAt(item, entry.shown, Math.max(1, Math.round(width * zoom)), Math.max(1, Math.round(height * zoom)));
    drawHeat(byId("heat"), rows, scale, table, signed);
    drawScale(byId("scale"), table);
    byId("low").textContent = signed ? signedNumber(-scale) : "0";
    byId("high").textContent = Number.isFinite(scale) ? signedNumber(scale) : "no positive evidence";
    placeTick();
}

function placeTick() {
    const entry = mapOf(view.item, view.which);
    const signed = palettes.isSigned(view.colormap);
    const value = view.threshold * Math.max(entry.maximum, 0);
    const share = signed ? 0.5 + value / scaleOf(entry, true) / 2 : view.threshold;
    byId("tick").style.left = `${share * 100}%`;
    byId("tick").title = `threshold ${view.threshold}: ${signedNumber(value)}`;
}

// The label stands above the box, within the picture, as on the overlays; inside, over what is boxed, only where there is no room.
function placeLabel() {
    const label = document.querySelector("#boxes .box span");
    if (!label) return;
    const area = byId("picture").getBoundingClientRect(), box = label.parentElement.getBoundingClientRect();
    label.style.setProperty("--room", `${area.width}px`);
    label.style.setProperty("--left", "0px");
    label.classList.add("above");
    const own = label.getBoundingClientRect();
    if (own.top < area.top) return label.classList.remove("above");
    // From the inside of the box's frame, two pixels wide.
    label.style.setProperty("--left", `${Math.max(area.left, Math.min(box.left, area.right - own.width)) - box.left - 2}px`);
}

function showBoxes() {
    const holder = byId("boxes");
    holder.replaceChildren();
    const explanation = view.item.image.explanations[view.which];
    if (!explanation) return void (byId("box-text").textContent = "");
    const entry = mapOf(view.item, view.which);
    const found = findBoxes(entry.rows, entry.maximum, view.threshold, view.components === "all");
    const { width, height } = view.item.image;
    if (view.components !== "none") found.forEach((box, i) => {
        const frame = element("div", i === 0 ? "box" : "box lesser");
        Object.assign(frame.dataset, box);
        Object.assign(frame.style, {
            left: `${(box.x / width) * 100}%`, top: `${(box.y / height) * 100}%`,
            width: `${(box.width / width) * 100}%`, height: `${(box.height / height) * 100}%`,
        });
        if (i === 0) frame.append(element("span", "", [nameOf(explanation), certainty(explanation)].filter(Boolean).join(" ")));
        holder.append(frame);
    });
    placeLabel();
    const [first] = found;
    byId("box-text").textContent =
        explanation.note ? explanation.note
        : !first ? "No positive evidence, so no box."
        : `Box at ${first.x}, ${first.y}: ${first.width} \u00d7 ${first.height} pixels, mean ${(first.score * 100).toFixed(0)} % of the maximum` +
          (found.length > 1 ? `; ${found.length} pieces` : "");
    placeTick();
}

// --- Choosing ------------------------------------------------------------------------------------------------------------

function refresh() {
    const [low, high] = byId("probability-filter").value.split(" ").map(Number);
    view.items = chosen(items, { text: byId("search").value, classIndex: byId("class-filter").value, low, high, sort: byId("sort").value });
    byId("list").scrollTop = 0;
    list.show(view.items);
    const all = `${items.length} image${items.length === 1 ? "" : "s"}`;
    byId("count").textContent =
        view.items.length === items.length ? all : view.items.length > 0 ? `${view.items.length} of ${items.length}` : `None of ${all} fits`;
    if (view.items.length > 0 && !view.items.includes(view.item)) open(view.items[0]);
    showPosition();
}

function browse(on) {
    document.body.classList.toggle("browsing", on);
    byId("browse").setAttribute("aria-expanded", on);
    byId("browse").textContent = on ? "Close" : "Images";
    if (on) list.select(view.item);
}

function showThreshold() {
    byId("threshold-value").textContent = `${Math.round(view.threshold * 100)} %`;
    byId("opacity-value").textContent = `${Math.round(view.opacity * 100)} %`;
}

let frame = 0;
const soon = (draw) => { cancelAnimationFrame(frame); frame = requestAnimationFrame(draw); };

function listen() {
    byId("search").addEventListener("input", refresh);
    for (const id of ["class-filter", "probability-filter", "sort"]) byId(id).addEventListener("change", refresh);
    byId("previous").addEventListener("click", () => step(-1));
    byId("next").addEventListener("click", () => step(1));
    byId("browse").addEventListener("click", () => browse(!document.body.classList.contains("browsing")));
    byId("opacity").addEventListener("input", (event) => {
        view.opacity = Number(event.target.value);
        byId("heat").style.opacity = view.opacity;
        showThreshold();
    });
    byId("threshold").addEventListener("input", (event) => {
        view.threshold = Number(event.target.value);
        showThreshold();
        soon(showBoxes);
    });
    byId("components").addEventListener("change", (event) => { view.components = event.target.value; showBoxes(); });
    byId("colormap").addEventListener("change", (event) => {
        view.colormap = event.target.value;
        thumbnails.clear();
        list.show(view.items);
        drawMap();
    });
    addEventListener("resize", fit);
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === "Escape") return void (browse(false), document.activeElement?.blur());
        if (event.target.closest?.("input, select")) return;
        const keys = { ArrowLeft: () => step(-1), ArrowUp: () => step(-1), ArrowRight: () => step(1), ArrowDown: () => step(1), "/": () => byId("search").focus() };
        const digit = Number(event.key);
        if (digit >= 1 && digit <= (view.item?.image.explanations.length ?? 0)) { view.which = digit - 1; showExplanation(); }
        else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    });
    const picture = byId("picture");
    let start = null;
    picture.addEventListener("pointerdown", (event) => { start = event.pointerType === "touch" ? event.clientX : null; });
    picture.addEventListener("pointerup", (event) => {
        if (start !== null && Math.abs(event.clientX - start) > 60) step(event.clientX < start ? 1 : -1);
        start = null;
    });
    picture.addEventListener("pointermove", (event) => {
        if (!view.item?.image.explanations.length || event.pointerType === "touch") return;
        const { width, height, region } = view.item.image;
        const area = picture.getBoundingClientRect();
        const x = Math.floor(((event.clientX - area.left) / area.width) * width);
        const y = Math.floor(((event.clientY - area.top) / area.height) * height);
        const seen = x + 0.5 >= region.x && x + 0.5 < region.x + region.width && y + 0.5 >= region.y && y + 0.5 < region.y + region.height;
        if (x < 0 || y < 0 || x >= width || y >= height) return;
        const row = new Float32Array(width);
        mapOf(view.item, view.which).rows.row(y, row);
        byId("here").textContent = seen ? `${signedNumber(row[x])} at ${x}, ${y}` : `not seen by the network at ${x}, ${y}`;
    });
    picture.addEventListener("pointerleave", () => { byId("here").textContent = ""; });
}

function notices() {
    const holder = byId("notices");
    const say = (text) => holder.append(element("p", "", text));
    const all = counts.images.toLocaleString("en");
    if (counts.unfinished) say(`This run was stopped; what it had done by then is here. Resume it with --resume.`);
    if (counts.shown < counts.images)
        say(`The first ${counts.shown.toLocaleString("en")} of ${all} images are shown, so that the page stays quick; results.json has them all.`);
    for (const warning of run.warnings) say(warning);
}

function begin() {
    const model = run.model.file.slice(run.model.file.lastIndexOf("/") + 1);
    const methods = new Set(items.flatMap(({ image }) => image.explanations.map((e) => e.method ?? run.method)));
    byId("about").textContent = [model, [...methods].join(", ") || run.method, `${counts.images.toLocaleString("en")} image${counts.images === 1 ? "" : "s"}`].join(" \u00b7 ");
    notices();

    const classes = new Map();
    for (const { image, title } of items) {
        const first = image.explanations[0];
        if (!first) continue;
        const known = classes.get(first.class.index) ?? { title, count: 0 };
        ++known.count;
        classes.set(first.class.index, known);
    }
    const option = (value, text) => { const made = element("option", "", text); made.value = value; return made; };
    byId("class-filter").append(option("", "Any class"), ...[...classes].sort((a, b) => collator.compare(a[1].title, b[1].title))
        .map(([index, { title, count }]) => option(String(index), count > 1 ? `${title} (${count})` : title)));
    byId("colormap").append(...palettes.names().map((name) => option(name, palettes.isSigned(name) ? `${name}, signed` : name)));

    if (failures.length > 0) {
        const box = byId("failures");
        box.hidden = false;
        box.querySelector("summary").textContent = counts.failures === 1 ? "1 input failed" : `${counts.failures} inputs failed`;
        box.querySelector("ul").append(...failures.map(({ file, error }) => {
            const entry = element("li", "", file);
            entry.append(element("span", "", error));
            return entry;
        }));
        if (counts.failures > failures.length) box.querySelector("ul").append(element("li", "", `\u2026 and ${counts.failures - failures.length} more, in results.json`));
    }
    byId("layout").classList.toggle("single", items.length === 1 && failures.length === 0);
    byId("browse").hidden = items.length === 1 && failures.length === 0;
    byId("opacity").value = view.opacity;
    byId("colormap").value = view.colormap;
    byId("threshold").value = view.threshold;
    byId("components").value = view.components;
    showThreshold();
    listen();
    if (items.length === 0) {
        byId("stage").hidden = true;
        document.querySelector(".inspector").hidden = true;
        byId("empty").hidden = false;
    }
    const asked = items[Number(location.hash.slice(1)) - 1];
    if (asked) view.item = asked;
    refresh();
    if (asked) open(asked);
}

begin();
