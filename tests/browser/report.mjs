// The report's page in a real browser:  node report.mjs MAKE_REPORT NPM_FOLDER OUT
//
// Claims: the boxes that the page computes are the library's, at five thresholds, by the sliders that a user moves; it asks the network for nothing and
// throws no error; names from outside stay text; the list shows, filters and sorts; it fits a phone and a desktop.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, openPage as open, requireInstalled } from "./browser.mjs";

const [makeReport, npmFolder, out] = process.argv.slice(2);
requireInstalled(npmFolder);

execFileSync(makeReport, [out], { stdio: "inherit" });
const expected = JSON.parse(readFileSync(join(out, "expected.json"), "utf8"));
const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
const address = pathToFileURL(join(out, "report.html")).href;

const browser = await launch(npmFolder);
const openPage = (width, height) =>
    open(browser, address, { width, height, mayAsk: (url) => url === address || url.startsWith("data:") });

// Puts the page's controls where a user would, and reads the boxes on it.
const boxesOnPage = (page, which, threshold, components) => page.evaluate(async ([which, threshold, components]) => {
    document.querySelectorAll("#classes .class")[which].click();
    const select = document.getElementById("components");
    select.value = components;
    select.dispatchEvent(new Event("change"));
    const slider = document.getElementById("threshold");
    slider.value = threshold;
    slider.dispatchEvent(new Event("input"));
    await new Promise(requestAnimationFrame);  // the page draws in the same frame, before this
    return [...document.querySelectorAll("#boxes .box")].map(({ dataset: d }) => [d.x, d.y, d.width, d.height, d.score].map(Number));
}, [which, threshold, components]);

const claims = {
    async "Boxes are the library's"() {
        const { page, troubles } = await openPage(1280, 900);
        let compared = 0;
        for (let i = 0; i < expected.length; ++i) {
            assert.equal(await page.locator("#name").getAttribute("title"), expected[i].file);
            for (const [which, thresholds] of expected[i].explanations.entries())
                for (const { threshold, largest, all } of thresholds)
                    for (const [components, boxes] of [["largest", largest], ["all", all]]) {
                        const found = await boxesOnPage(page, which, threshold, components);
                        const where = `${expected[i].file}, class ${which}, threshold ${threshold}, ${components}`;
                        assert.deepEqual(found.map((b) => b.slice(0, 4)), boxes.map((b) => b.slice(0, 4)), where);
                        found.forEach((box, k) => assert.ok(Math.abs(box[4] - boxes[k][4]) < 1e-9, `score of ${where}`));
                        compared += boxes.length;
                    }
            if (i + 1 < expected.length) await page.locator("#next").click();
        }
        assert.ok(compared > 300, `only ${compared} boxes were compared`);
        assert.deepEqual(troubles, []);
        await page.close();
    },

    async "A box's label stands above it where there is room, and never leaves the picture"() {
        for (const width of [1300, 500]) {
            const { page } = await openPage(width, 900);
            const places = { above: 0, inside: 0 };
            for (let leaves = 0; leaves < 12; ++leaves) {
                for (const threshold of [0.02, 0.7]) {
                    await boxesOnPage(page, 0, threshold, "largest");
                    const found = await page.evaluate(() => {
                        const sides = (selector) => { const r = document.querySelector(selector)?.getBoundingClientRect(); return r && { left: r.left, top: r.top, right: r.right, bottom: r.bottom }; };
                        return { label: sides("#boxes .box span"), box: sides("#boxes .box"), picture: sides("#picture") };
                    });
                    const { label, box, picture } = found;
                    if (!label) continue;
                    const where = `${width} pixels, image ${leaves}, threshold ${threshold}: ${JSON.stringify(found)}`;
                    const height = label.bottom - label.top;
                    if (box.top - picture.top >= height + 4) assert.ok(label.bottom <= box.top, `above: ${where}`);
                    if (label.bottom <= box.top) {
                        ++places.above;
                        assert.ok(label.top >= picture.top - 0.5 && label.left >= picture.left - 0.5 && label.right <= picture.right + 0.5, where);
                    } else {
                        ++places.inside;
                        assert.ok(label.top >= box.top - 0.5 && box.top - picture.top < height + 4, `inside: ${where}`);
                    }
                }
                await page.keyboard.press("ArrowRight");
            }
            assert.ok(places.above > 2 && places.inside > 0, JSON.stringify(places));
            await page.close();
        }
    },

    async "The room follows the photo's proportion, and a strip of one pixel is seen with its boxes in place"() {
        for (const [width, height] of [[1280, 900], [900, 800], [360, 780]]) {
            const { page } = await openPage(width, height);
            const show = async (words) => {
                await page.locator("#search").evaluate((search, words) => { search.value = words; search.dispatchEvent(new Event("input")); }, words);
                return page.evaluate(() => {
                    const sides = (node) => { const r = node.getBoundingClientRect(); return { left: r.left, top: r.top, width: r.width, height: r.height, bottom: r.bottom }; };
                    const [picture, legend, controls] = ["#picture", ".legend", ".controls"].map((selector) => sides(document.querySelector(selector)));
                    const boxes = [...document.querySelectorAll("#boxes .box")].map((box) => ({ ...box.dataset, shown: sides(box) }));
                    return { picture, legend, controls, boxes, where: document.querySelector("#where").textContent };
                });
            };
            for (const words of ["upright", "lying"]) {
                const { picture, legend, boxes, where } = await show(words);
                const image = results.images.find(({ file }) => file.includes(words));
                const told = `${words} at ${width}: ${JSON.stringify({ picture, legend, boxes, where })}`;
                assert.match(where, /stretched$/);
                assert.ok(Math.min(picture.width, picture.height) >= 25 && legend.width >= 250 && picture.height <= height, told);
                assert.ok(boxes.length > 0, told);
                for (const [i, box] of image.explanations[0].boxes.entries()) {
                    assert.deepEqual(["x", "y", "width", "height"].map((key) => Number(boxes[i][key])), [box.x, box.y, box.width, box.height], told);
                    const { shown } = boxes[i];
                    for (const [at, side, length, all] of [["left", "width", box.width, image.width], ["top", "height", box.height, image.height]]) {
                        const first = at === "left" ? box.x : box.y;
                        assert.ok(Math.abs(shown[at] - picture[at] - (first / all) * picture[side]) < 1, told);
                        assert.ok(Math.abs(shown[side] - Math.max(4, (length / all) * picture[side])) < 1, told);
                    }
                }
            }
            for (const words of ["one.jpg", "cropped"]) {
                const { picture, legend, controls, where } = await show(words);
                assert.ok(!where.includes("stretched"), where);
                const [, w, h] = where.match(/(\d+) \u00d7 (\d+)/).map(Number);
                assert.ok(Math.abs(picture.width / picture.height - w / h) < 0.02, words);
                assert.ok(legend.top - picture.bottom < 20 && controls.top - legend.bottom < 40, `${words} at ${width}: ${JSON.stringify({ picture, legend, controls })}`);
            }
            if (width <= 860) await page.locator("#browse").click();
            for (const id of ["colormap", "components", "probability-filter", "sort"]) {
                const [inner, needed] = await page.locator(`#${id}`).evaluate((select) => {
                    const style = getComputedStyle(select), context = document.createElement("canvas").getContext("2d");
                    context.font = style.font;
                    const text = select.selectedOptions[0].textContent;
                    return [select.clientWidth, context.measureText(text).width + parseFloat(style.paddingLeft) + parseFloat(style.paddingRight) + 20];
                });
                assert.ok(inner >= needed, `${id} at ${width}: ${inner} of ${needed}`);
            }
            await page.close();
        }
    },

    async "The page opens with the boxes of results.json"() {
        const { page } = await openPage(1280, 900);
        for (const image of results.images.slice(0, 6)) {
            const found = await page.locator("#boxes .box").evaluateAll((boxes) => boxes.map(({ dataset: d }) => [d.x, d.y, d.width, d.height].map(Number)));
            assert.deepEqual(found, image.explanations[0].boxes.map((b) => [b.x, b.y, b.width, b.height]), image.file);
            await page.keyboard.press("ArrowRight");
        }
        await page.close();
    },

    async "Names from outside stay text"() {
        const { page, troubles } = await openPage(1280, 900);
        const hostile = expected.findIndex(({ file }) => file.includes("<script>"));
        for (let i = 0; i < hostile; ++i) await page.keyboard.press("ArrowRight");
        assert.match(await page.locator("#stage").innerText(), /script>/);
        for (const { file } of expected.slice(0, 3)) assert.ok((await page.locator("#rows").innerText()).includes(file.split("/").pop()));
        assert.match(await page.locator("#notices").innerText(), /<\/script><script>window\.hacked=2/);
        assert.match(await page.locator("#facts").innerText(), /<i>relu<\/i>/);
        assert.equal(await page.locator("#failures").innerText(), "1 input failed");
        await page.locator("#failures summary").click();
        assert.match(await page.locator("#failures").innerText(), /broken <b>\.jpg\s+ends after 12 bytes <\/script>/);
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.equal(await page.locator("main img, main b i").count(), 0);
        assert.deepEqual(troubles, []);
        await page.close();
    },

    async "Evidence adds up to the score"() {
        const { page } = await openPage(1280, 900);
        const numbers = (await page.locator("#evidence .sum b").allInnerTexts()).map((text) => Number(text.replace("\u2212", "-")));
        assert.equal(numbers.length, 4);
        assert.ok(numbers[0] > 0 && numbers[1] < 0);
        assert.ok(Math.abs(numbers[0] + numbers[1] + numbers[2] - numbers[3]) < 3e-3, numbers.join(" "));
        assert.ok(Math.abs(numbers[3] - results.images[0].explanations[0].logit) < 1e-3);
        await page.close();
    },

    async "What the network did not see is not painted"() {
        const { page } = await openPage(1280, 900);
        await page.locator("#search").fill("odd cropp");
        for (const colours of ["turbo", "blue-red"]) {
            await page.locator("#colormap").selectOption(colours);
            // The crop covers 170 of 333 columns from 81 on, 171 of 217 rows from 24 on.
            const alphas = await page.locator("#heat").evaluate((heat) =>
                [[5, 100], [78, 100], [84, 100], [160, 100], [249, 100], [256, 100], [160, 20], [160, 28], [160, 190], [160, 200]]
                    .map(([x, y]) => heat.getContext("2d").getImageData(x, y, 1, 1).data[3]));
            assert.deepEqual(alphas, [0, 0, 255, 255, 255, 0, 0, 255, 255, 0], colours);
        }
        await page.close();
    },

    async "The list filters and sorts"() {
        const { page } = await openPage(1280, 900);
        await page.locator("#search").fill("odd cropp");
        assert.equal(await page.locator("#rows .row").count(), 1);
        assert.equal(await page.locator("#name").innerText(), "cropped, and odd.jpg");
        await page.locator("#search").fill("there is no such image");
        assert.equal(await page.locator("#rows .row").count(), 0);
        assert.match(await page.locator("#count").innerText(), /^None of \d+ images fits$/);
        await page.locator("#search").fill("");
        await page.locator("#sort").selectOption("least");
        const least = Math.min(...results.images.map((image) => image.explanations[0].probability));
        assert.ok((await page.locator("#rows .row span").first().innerText()).includes((least * 100).toFixed(1)));
        await page.locator("#probability-filter").selectOption({ index: 1 });
        const sure = results.images.filter((image) => image.explanations[0].probability >= 0.9).length;
        assert.ok(sure > 0 && sure < results.images.length);
        assert.match(await page.locator("#count").innerText(), new RegExp(`^${sure} of `));
        await page.close();
    },

    async "Pictures of one name show their folder"() {
        const { page } = await openPage(1280, 900);
        const rows = await page.locator("#rows .row b").allInnerTexts();
        assert.ok(rows.includes("one.jpg") && !rows.includes("photos/one.jpg"));
        assert.ok(rows.includes("photos/twice.jpg") && rows.includes("more/twice.jpg"), rows.join(" "));
        await page.close();
    },

    async "Only rows in sight exist"() {
        const { page } = await openPage(1280, 500);
        assert.ok((await page.locator("#rows .row").count()) < 20);
        await page.locator("#list").evaluate((list) => { list.scrollTop = list.scrollHeight; });
        await page.locator("#rows .row", { hasText: "19.jpg" }).waitFor();
        assert.ok((await page.locator("#rows .row").count()) < 20);
        await page.close();
    },

    async "It fits a phone and a desktop, light and dark"() {
        for (const [width, height] of [[390, 844], [1280, 800]])
            for (const colorScheme of ["light", "dark"]) {
                const { page, troubles } = await openPage(width, height);
                await page.emulateMedia({ colorScheme });
                const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                assert.ok(overflow <= 0, `${overflow} pixels too wide at ${width}`);
                const picture = await page.locator("#picture").boundingBox();
                assert.ok(picture.width > width / 3 && picture.y + picture.height <= height, JSON.stringify(picture));
                if (width < 860) {
                    await page.locator("#browse").click();
                    await page.locator("#rows .row").nth(2).click();
                    assert.equal(await page.locator("#name").innerText(), "tall.jpg");
                    assert.ok(!(await page.locator("#side").isVisible()));
                }
                await page.screenshot({ path: join(out, `page-${width}-${colorScheme}.png`) });
                assert.deepEqual(troubles, []);
                await page.close();
            }
    },
};

let failed = 0;
for (const [claim, check] of Object.entries(claims)) {
    try {
        await check();
        console.log(`ok    ${claim}`);
    } catch (error) {
        ++failed;
        console.error(`FAIL  ${claim}\n${error.stack}`);
    }
}
await browser.close();
process.exit(failed ? 1 : 0);
