// Boxes out of a raw map, exactly as the library computes them: src/localize/row_interpolator.hpp gives the arithmetic, which is repeated here to
// the bit (Math.fround rounds where C++ has a float), and include/locus/boxes.hpp the rules.

// Where each pixel of one axis lies among `positions` of a raw map stretched over `size` pixels from `origin`.
function axisPositions(positions, pixels, origin, size) {
    const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
    const first = clamp(Math.ceil(origin - 0.5), 0, pixels);
    const last = clamp(Math.ceil(origin + size - 0.5), first, pixels);
    const axis = { first, last, left: new Int32Array(last - first), right: new Int32Array(last - first),
                   fraction: new Float32Array(last - first) };
    for (let i = first; i < last; ++i) {
        const u = clamp((((i + 0.5) - origin) / size) * positions - 0.5, 0, positions - 1);
        const left = Math.floor(u);
        axis.left[i - first] = left;
        axis.right[i - first] = Math.min(left + 1, positions - 1);
        axis.fraction[i - first] = u - left;
    }
    return axis;
}

// A raw map { width, height, values: Float32Array } at image resolution, row by row.
class RowInterpolator {
    constructor(raw, width, height, region) {
        this.width = width;
        this.height = height;
        this.columns = axisPositions(raw.width, width, region.x, region.width);
        this.rows = axisPositions(raw.height, height, region.y, region.height);
        this.outside = 0;  // of pixels that the network did not see
        for (const value of raw.values) if (Number.isFinite(value)) this.outside = Math.min(this.outside, value);
        const { left, right, fraction } = this.columns;
        const count = fraction.length;
        this.stretched = [];
        this.highest = [];  // of each stretched row
        for (let y = 0; y < raw.height; ++y) {
            const source = raw.values.subarray(y * raw.width, (y + 1) * raw.width);
            const target = new Float32Array(count);
            let highest = -Infinity;
            for (let i = 0; i < count; ++i) {
                const a = source[left[i]];
                const b = source[right[i]];
                const value = Math.fround(a + Math.fround(Math.fround(b - a) * fraction[i]));
                target[i] = value;
                if (value > highest) highest = value;
            }
            this.stretched.push(target);
            this.highest.push(highest);
        }
    }

    // Whether row y may hold a value above `limit`. Says yes too often rather than too seldom: rounding may exceed both neighbours.
    mayExceed(y, limit) {
        if (y < this.rows.first || y >= this.rows.last) return this.outside > limit;
        const k = y - this.rows.first;
        const highest = Math.max(this.highest[this.rows.left[k]], this.highest[this.rows.right[k]]);
        return !(highest + Math.abs(highest) * 1e-5 <= limit);
    }

    row(y, out) {
        const { first, last } = this.columns;
        if (y < this.rows.first || y >= this.rows.last) return void out.fill(this.outside);
        const k = y - this.rows.first;
        const above = this.stretched[this.rows.left[k]];
        const below = this.stretched[this.rows.right[k]];
        const fraction = this.rows.fraction[k];
        out.fill(this.outside, 0, first);
        out.fill(this.outside, last);
        for (let i = 0, x = first; x < last; ++i, ++x) {
            const a = above[i];
            out[x] = Math.fround(a + Math.fround(Math.fround(below[i] - a) * fraction));
        }
    }
}

// Largest finite value at image resolution; -Infinity where there is none.
function maximumOf(rows) {
    const row = new Float32Array(rows.width);
    let maximum = -Infinity;
    for (let y = 0; y < rows.height; ++y) {
        if (!rows.mayExceed(y, maximum)) continue;
        rows.row(y, row);
        for (let x = 0; x < row.length; ++x) if (row[x] > maximum && row[x] < Infinity) maximum = row[x];
    }
    return maximum;
}

// Boxes { x, y, width, height, score }: pixels above threshold * maximum, 8-connected components, the largest (by pixels, the first in
// reading order where equal) or all of them, largest first.
function findBoxes(rows, maximum, threshold, all) {
    if (!(maximum > 0)) return [];
    const limit = threshold * maximum;
    const runs = [];  // stretches of pixels above the limit; `parent` leads to the component's first run
    const rootOf = (i) => {
        while (runs[i].parent !== i) i = runs[i].parent = runs[runs[i].parent].parent;
        return i;
    };
    const row = new Float32Array(rows.width);
    let aboveFirst = 0, aboveLast = 0, aboveY = -2;
    for (let y = 0; y < rows.height; ++y) {
        if (!rows.mayExceed(y, limit)) continue;
        rows.row(y, row);
        const first = runs.length;
        for (let x = 0; x < row.length; ++x) {
            if (!(row[x] > limit && row[x] < Infinity)) continue;
            const begin = x;
            let sum = 0;
            for (; x < row.length && row[x] > limit && row[x] < Infinity; ++x) sum += row[x];
            runs.push({ y, begin, end: x, sum, parent: runs.length });
        }
        let upper = aboveY === y - 1 ? aboveFirst : aboveLast;
        for (let lower = first; lower < runs.length; ++lower) {
            while (upper < aboveLast && runs[upper].end < runs[lower].begin) ++upper;
            for (let u = upper; u < aboveLast && runs[u].begin <= runs[lower].end; ++u) {
                const a = rootOf(u), b = rootOf(lower);
                runs[Math.max(a, b)].parent = Math.min(a, b);
            }
        }
        [aboveFirst, aboveLast, aboveY] = [first, runs.length, y];
    }
    const components = new Map();
    runs.forEach((run, i) => {
        const root = rootOf(i);
        let c = components.get(root);
        if (!c) components.set(root, (c = { left: run.begin, right: run.end, top: run.y, bottom: run.y, pixels: 0, sum: 0 }));
        c.left = Math.min(c.left, run.begin);
        c.right = Math.max(c.right, run.end);
        c.bottom = run.y;
        c.pixels += run.end - run.begin;
        c.sum += run.sum;
    });
    const sorted = [...components.values()].sort((a, b) => b.pixels - a.pixels);  // stable: reading order where equal
    return (all ? sorted : sorted.slice(0, 1)).map((c) => ({
        x: c.left, y: c.top, width: c.right - c.left, height: c.bottom - c.top + 1,
        score: Math.min(c.sum / c.pixels / maximum, 1),
    }));
}
