// node picture.mjs CHROMIUM PAGE.html PICTURE.png: the page as a browser shows it, down to the transcript's end.
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, page_, picture] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--disable-gpu"], chromiumSandbox: false });
const page = await browser.newPage({ viewport: { width: 880, height: 600 }, colorScheme: "light" });
await page.goto(pathToFileURL(page_).href);
const { y, height } = await page.locator(".transcript").boundingBox();
await page.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: 0, width: 880, height: y + height + 16 } });
await browser.close();
