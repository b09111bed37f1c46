// Drives Chromium for the tests: one JSON request per line on standard input, one JSON answer per line on standard output.
//   node chromium.mjs [--block-third-party-cookies]
// A "person" is a browser profile of its own with one page.
import { createInterface } from "node:readline";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { AxeBuilder } from "@axe-core/playwright";

const blocking = process.argv.includes("--block-third-party-cookies");
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
args.push("--disable-component-update", "--disable-sync");
const executablePath = "/usr/bin/chromium";

// Preferences are read when a profile opens, and profiles without a folder block such cookies by themselves (as incognito
// windows do), so each person gets a folder and a browser.
const folders = [];
async function context(options) {
  const folder = await mkdtemp(join(tmpdir(), "acquit-chromium-"));
  folders.push(folder);
  await mkdir(join(folder, "Default"));
  const profile = { cookie_controls_mode: blocking ? 1 : 0, block_third_party_cookies: blocking };
  await writeFile(join(folder, "Default", "Preferences"), JSON.stringify({ profile }));
  return chromium.launchPersistentContext(folder, { executablePath, args, headless: true, ...options });
}

const people = new Map();

const operations = {
  async person({ name, javaScript = true, width = 1280, height = 800, colorScheme = "light" }) {
    const options = { javaScriptEnabled: javaScript, viewport: { width, height }, colorScheme };
    const made = await context(options);
    const page = made.pages()[0] ?? (await made.newPage());
    page.setDefaultTimeout(20_000);
    const problems = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    people.set(name, { context: made, page, problems });
  },
  async leave({ name }) {
    await people.get(name).context.close();
    people.delete(name);
  },
  async goto({ page, url }) {
    const response = await page.goto(url, { waitUntil: "load" });
    return { url: page.url(), status: response?.status() ?? 0 };
  },
  async fill({ page, selector, value }) {
    await page.fill(selector, value);
  },
  async click({ page, selector }) {
    await page.click(selector);
  },
  async wait({ page, selector, timeout = 20_000 }) {
    await page.waitForSelector(selector, { timeout, state: "attached" });
    return page.url();
  },
  async back({ page }) {
    await page.goBack({ waitUntil: "load" });
    return page.url();
  },
  async resize({ page, width, height, colorScheme }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  },
  async url({ page }) {
    return page.url();
  },
  async html({ page }) {
    return page.content();
  },
  async eval({ page, expression }) {
    return page.evaluate(expression);
  },
  async cookies({ context, url }) {
    return context.cookies(url);
  },
  async screenshot({ page, path }) {
    await mkdir(dirname(path), { recursive: true });
    await page.screenshot({ path, fullPage: true, animations: "disabled" });
  },
  async axe({ page }) {
    const { violations } = await new AxeBuilder({ page }).analyze();
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, at: nodes.map((node) => node.html) }));
  },
  async problems({ problems }) {
    return problems.splice(0);
  },
};

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  const person = people.get(request.name) ?? {};
  try {
    const answer = await operations[op]({ ...request, ...person });
    console.log(JSON.stringify({ answer: answer ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: `${op} ${JSON.stringify(request)}: ${error}` }));
  }
}
for (const { context } of people.values()) await context.close().catch(() => {});
for (const folder of folders) await rm(folder, { recursive: true, force: true });
