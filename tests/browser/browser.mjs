// Chromium for the tests of pages, driven by playwright-core:
//
//     const browser = await launch(npmFolder);
//     const { page, troubles } = await openPage(browser, address, { width: 1280, height: 900, mayAsk: (url) => url === address });
//
// Without Chromium, or a package that a test needs, the process ends with a word.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

// `packages`: folders below npmFolder that the test needs besides.
export function requireInstalled(npmFolder, packages = {}) {
    const needed = { Chromium: chromium, "playwright-core": join(npmFolder, "playwright-core") };
    for (const [name, folder] of Object.entries(packages)) needed[name] = join(npmFolder, folder);
    for (const [name, path] of Object.entries(needed)) {
        if (existsSync(path)) continue;
        console.error(`${name} is not at ${path}: run scripts/setup.sh test, which installs it.`);
        process.exit(1);
    }
}

export function launch(npmFolder, more = []) {
    const { chromium: driver } = createRequire(join(npmFolder, "x.js"))("playwright-core");
    return driver.launch({
        executablePath: chromium,
        args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
               "--disable-sync", ...more],
    });
}

// The page, and a list that grows with all that it complains of and with each request for what it may not ask.
export async function openPage(browser, address, { width, height, mayAsk }) {
    const page = await browser.newPage({ viewport: { width, height } });
    page.setDefaultTimeout(120_000);  // for machines with much else to do
    const troubles = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) troubles.push(message.text()); });
    page.on("pageerror", (error) => troubles.push(String(error)));
    page.on("request", (request) => { if (!mayAsk(request.url())) troubles.push(`request for ${request.url()}`); });
    await page.goto(address);
    return { page, troubles };
}
