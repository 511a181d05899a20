// Beside the picture: the classes to switch between, the evidence adding up to the score, and what was done.

function showClasses() {
    const several = new Set(view.item.image.explanations.map((e) => e.method)).size > 1;
    byId("classes").replaceChildren(...view.item.image.explanations.map((e, i) => {
        const button = element("button", "class");
        button.setAttribute("role", "radio");
        button.setAttribute("aria-checked", i === view.which);
        button.append(element("b", "", nameOf(e)), element("span", "", certainty(e)),
                      element("small", "", [`rank ${e.rank}`, `index ${e.class.index}`, several ? e.method : ""].filter(Boolean).join(" \u00b7 ")));
        if (e.probability !== null) {
            const bar = element("u"), filled = element("i");
            filled.style.width = `${e.probability * 100}%`;
            bar.append(filled);
            button.append(bar);
        }
        button.addEventListener("click", () => { view.which = i; showExplanation(); });
        return button;
    }));
}

// pool(map) + bias = logit, as evidence for, evidence against, and bias.
function showEvidence(explanation) {
    const panel = byId("evidence");
    panel.hidden = !explanation;
    if (!explanation) return;
    const map = mapOf(view.item, view.which).raw, range = rangeOf(map);
    const facts = (note) => panel.replaceChildren(element("h3", "", "Evidence"), element("p", "note", note));
    if (explanation.logit === null) return facts("The score is not a number.");
    if (explanation.bias === null || !["mean", "sum"].includes(run.model.pool))
        return facts(`The score is ${signedNumber(explanation.logit)}; the map runs from ${signedNumber(range.low)} to ` +
                     `${signedNumber(range.high)}. How a map adds up to the score is shown for cam behind mean or sum pooling alone.`);
    let positive = 0, negative = 0;
    for (const value of map.values) if (value > 0) positive += value; else negative += value;
    const positions = map.values.length;
    if (run.model.pool === "mean") { positive /= positions; negative /= positions; }
    const { bias, logit } = explanation;
    const stops = [0, positive, positive + negative, positive + negative + bias];
    const low = Math.min(...stops, logit), high = Math.max(...stops, logit), span = high - low || 1;
    const sum = element("div", "sum");
    const line = (name, value, from, to, kind) => {
        const bar = element("span", "bar"), filled = element("i", kind), zero = element("em");
        filled.style.left = `${((Math.min(from, to) - low) / span) * 100}%`;
        filled.style.width = `${(Math.abs(to - from) / span) * 100}%`;
        zero.style.left = `${((0 - low) / span) * 100}%`;
        bar.append(filled, zero);
        sum.append(element("span", "", name), element("b", "", signedNumber(value)), bar);
    };
    line("For", positive, stops[0], stops[1], "for");
    line("Against", negative, stops[1], stops[2], "against");
    line("Bias", bias, stops[2], stops[3], "bias");
    sum.append(element("span", "total"));
    line("Score", logit, 0, logit, "logit");
    const off = Math.abs(stops[3] - logit);
    const pooled = run.model.pool === "mean" ? `mean over ${map.width} \u00d7 ${map.height} positions` : `sum over ${map.width} \u00d7 ${map.height} positions`;
    panel.replaceChildren(
        element("h3", "", "Evidence adding up to the score"), sum,
        element("p", "note", off <= 1e-3 * Math.max(1, Math.abs(logit)) ? `The ${pooled}, positive and negative apart, plus the class's bias.`
                : `The ${pooled} plus the bias misses the score by ${plainNumber(off)}.`));
}

function showFacts(explanation) {
    const p = run.preprocessing;
    const photos = p.color !== "other";  // else arrays, given as they are
    const numbers = (values) => values.map(plainNumber).join(" ");
    const rows = [
        ["Method", explanation?.method ?? run.method],
        ["Layer", explanation?.layer ?? run.layer],
        explanation ? ["Map", `${explanation.map.width} \u00d7 ${explanation.map.height}`] : null,
        ["Model", run.model.file.slice(run.model.file.lastIndexOf("/") + 1), run.model.file],
        ["SHA-256", run.model.sha256.slice(0, 12) + "\u2026", run.model.sha256],
        ["Input", `${p.width} \u00d7 ${p.height}, ` + (photos ? `${p.color === "gray" ? "grey" : p.color.toUpperCase()}, ${p.resize}` : `${p.channels} channels`) +
                  (photos && p.resize !== "squash" ? ` ${plainNumber(p.crop_pct)}` : "")],
        photos ? ["Mean", numbers(p.mean)] : null,
        photos ? ["Deviation", numbers(p.std)] : null,
        p.range !== 1 ? ["White", plainNumber(p.range)] : null,
        ["Locus", run.locus],
    ];
    byId("facts").replaceChildren(...rows.filter(Boolean).flatMap(([name, value, title]) => {
        const dd = element("dd", "", value);
        if (title) dd.title = title;
        return [element("dt", "", name), dd];
    }));
}
