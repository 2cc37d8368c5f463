// node look.mjs CHROMIUM PAGE.html OUTPUT: open the page in light and dark, narrow and wide; screenshots and a PDF go to
// OUTPUT, what was found goes to stdout as JSON. Nothing is fetched but the page itself; what it asks for is counted.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, page_, output] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args: flags, chromiumSandbox: false });
const found = { views: [], requests: [] };

for (const colorScheme of ["light", "dark"]) {
  for (const width of [380, 500, 1600]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const refused = [];
    page.on("console", (message) => refused.push(message.text()));
    page.on("request", (request) => found.requests.push(request.url()));
    await page.goto(pathToFileURL(page_).href);
    await page.screenshot({ path: join(output, `${colorScheme}-${width}.png`), fullPage: true });
    // Evaluated from outside: the page's own policy holds for the page, not for us.
    await page.evaluate(axe);
    const report = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    found.views.push({
      colorScheme, width, refused,
      overflow: await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
      broken: await page.evaluate(brokenWords),
      planted: await page.evaluate(() => window.planted ?? null),
      images: await page.evaluate(() => [...document.images].filter((image) => image.naturalWidth > 0).length),
      background: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
      violations: report.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" | ")}`),
      passes: report.passes.length,
    });
    if (colorScheme === "dark" && width === 1600) {
      await page.pdf({ path: join(output, "print.pdf"), format: "A4", printBackground: true });
      await page.emulateMedia({ media: "print" });
      found.print = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({ media: "screen" });
      found.keyboard = await walk(page);
    }
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(found));

// Words of tables that begin on one line and go on in the next; what is longer than any name of ours may.
function brokenWords() {
  const found = [];
  for (const table of document.querySelectorAll("table.checks")) {
    const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const match of texts.currentNode.data.matchAll(/[\p{L}\p{N}_[\]]{2,24}(?![\p{L}\p{N}_[\]])/gu)) {
        if (match.index > 0 && /[\p{L}\p{N}_[\]]/u.test(texts.currentNode.data[match.index - 1])) continue;
        const range = document.createRange();
        range.setStart(texts.currentNode, match.index);
        range.setEnd(texts.currentNode, match.index + match[0].length);
        if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) found.push(match[0]);
      }
    }
  }
  return found;
}

// Which elements the Tab key reaches, in its order, until it comes round.
async function walk(page) {
  const reached = [];
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement.tagName + (document.activeElement.getAttribute("href") ?? ""));
    if (at === "BODY" || at === reached[0]) break;
    reached.push(at);
  }
  return reached;
}
