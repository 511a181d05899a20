// The list of images: searched, filtered, sorted; only the rows in sight exist.

const ROW_HEIGHT = 64;
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const nameOf = (explanation) => explanation.class.name ?? `class ${explanation.class.index}`;
const percent = (p) => (p === null ? "" : p >= 0.9995 ? "> 99.9 %" : p < 0.001 ? "< 0.1 %" : `${(p * 100).toFixed(1)} %`);
// How sure the model is: the score itself where it is no probability.
const certainty = (e) => (e.probability === null ? `score ${Number(e.score.toPrecision(4))}` : percent(e.probability));

function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
}

// Which of `items` fit { text, classIndex ("" for any), low, high }, in the order `sort`. A probability that is not known fits any range that
// begins at 0.
function chosen(items, { text, classIndex, low, high, sort }) {
    const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const fits = (item) => {
        const first = item.image.explanations[0];
        if (classIndex !== "" && String(first?.class.index) !== classIndex) return false;
        const p = first?.probability ?? 0;
        if (p < low || p >= high) return false;
        return words.every((word) => item.words.includes(word));
    };
    const p = (item) => item.image.explanations[0]?.probability ?? -1;
    const orders = {
        name: (a, b) => collator.compare(a.image.file, b.image.file),
        class: (a, b) => collator.compare(a.title, b.title) || p(b) - p(a),
        surest: (a, b) => p(b) - p(a),
        least: (a, b) => p(a) - p(b),
    };
    const kept = items.filter(fits);
    return orders[sort] ? kept.sort((a, b) => orders[sort](a, b) || a.number - b.number) : kept;
}

class ImageList {
    constructor(scroller, rows, open, drawThumbnail) {
        Object.assign(this, { scroller, rows, open, drawThumbnail, items: [], current: null });
        this.shown = new Map();  // item -> row
        const later = () => {
            if (this.waiting) return;
            this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.update(); });
        };
        scroller.addEventListener("scroll", later, { passive: true });
        new ResizeObserver(later).observe(scroller);
    }

    show(items) {
        this.items = items;
        this.rows.style.height = `${items.length * ROW_HEIGHT}px`;
        for (const row of this.shown.values()) row.remove();
        this.shown.clear();
        this.update();
    }

    select(item) {
        this.shown.get(this.current)?.removeAttribute("aria-current");
        this.current = item;
        const at = this.items.indexOf(item) * ROW_HEIGHT;
        const { scrollTop, clientHeight } = this.scroller;
        if (at >= 0 && clientHeight > 0) {
            if (at < scrollTop) this.scroller.scrollTop = at;
            else if (at + ROW_HEIGHT > scrollTop + clientHeight) this.scroller.scrollTop = at + ROW_HEIGHT - clientHeight;
        }
        this.update();
        this.shown.get(item)?.setAttribute("aria-current", "true");
    }

    update() {
        const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - 4);
        const last = Math.min(this.items.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / ROW_HEIGHT) + 4);
        const wanted = new Set(this.items.slice(first, last));
        for (const [item, row] of this.shown)
            if (!wanted.has(item)) { row.remove(); this.shown.delete(item); }
        for (let i = first; i < last; ++i)
            if (!this.shown.has(this.items[i])) this.add(this.items[i], i);
    }

    add(item, at) {
        const row = element("button", "row");
        row.style.top = `${at * ROW_HEIGHT}px`;
        if (item === this.current) row.setAttribute("aria-current", "true");
        const canvas = element("canvas");
        canvas.width = canvas.height = 96;
        const text = element("div");
        text.append(element("b", "", item.label), element("span", "", item.subtitle));
        row.append(canvas, text);
        row.title = item.image.file;
        row.addEventListener("click", () => this.open(item));
        this.rows.append(row);
        this.shown.set(item, row);
        this.drawThumbnail(item, canvas);
    }
}
