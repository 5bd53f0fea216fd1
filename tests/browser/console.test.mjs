// The live loop as a person sees it: the page of the demo, in a real browser.
// Run by tests/browser/run.mjs, which starts the demo and says where its console is.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { NARROWEST, launch, overflow, visit } from "./browser.mjs";

const SECTIONS = ["wards", "orders", "removals", "doses", "cases", "channels", "journal"];
const COUNT = '[data-count="doses-given"]';

// How long the simulated hospital may take to give its next dose, in ms.
const NEXT_DOSE = 60_000;

const screenshot = join(
  dirname(fileURLToPath(import.meta.url)),
  "..",
  "..",
  "docs",
  "images",
  "live-loop.png",
);

// The address that the demo prints holds a key for one use, so it is opened once.
const address = process.env.INTERLOCK_CONSOLE_URL;
let chromium;
// The same browser, in which every page has the session of that first one.
let browser;
let url;

before(async () => {
  assert.ok(address, "INTERLOCK_CONSOLE_URL is not set: start this by `make browser`");
  chromium = await launch();
  const first = await chromium.newContext();
  const page = await first.newPage();
  await page.goto(address);
  assert.equal(new URL(page.url()).search, "", "the key does not stay in the address");
  const storageState = await first.storageState();
  await first.close();
  url = new URL("/", address).href;
  browser = { newContext: (options) => chromium.newContext({ ...options, storageState }) };
});

after(() => chromium?.close());

const dosesGiven = async (page) => {
  const text = await page.locator(COUNT).first().innerText();
  const digits = text.replace(/[\s,]/g, "");
  assert.match(digits, /^\d+$/, `${COUNT} shows a whole number`);
  return Number(digits);
};

/** Waits until the page shows more doses given than `before`, without loading it again. */
const waitForAnotherDose = (page, before) =>
  page.waitForFunction(
    ([selector, least]) => {
      const text = document.querySelector(selector)?.textContent ?? "";
      return Number(text.replace(/[\s,]/g, "")) > least;
    },
    [COUNT, before],
    { timeout: NEXT_DOSE },
  );

test("the live loop shows every part of the loop", async () => {
  await visit(browser, url, {}, async ({ page }) => {
    const heading = page.getByRole("heading", { level: 1, name: "Live loop" });
    await heading.waitFor({ timeout: 10_000 });
    for (const id of SECTIONS) {
      const section = page.locator(`#${id}`);
      assert.equal(await section.count(), 1, `one section has the id ${id}`);
      assert.notEqual((await section.innerText()).trim(), "", `section ${id} says something`);
    }
  });
});

test("doses given rise by the event stream alone", async () => {
  await visit(browser, url, {}, async ({ page, streams }) => {
    const before = await dosesGiven(page);
    await waitForAnotherDose(page, before);
    assert.ok((await dosesGiven(page)) > before);
    assert.notDeepEqual(streams, [], "the page listens to a text/event-stream");
    if (process.env.SCREENSHOT === "1") {
      mkdirSync(dirname(screenshot), { recursive: true });
      await page.screenshot({ path: screenshot, fullPage: true });
    }
  });
});

test("the live loop fits a screen of 320 px", async () => {
  const small = { width: NARROWEST, height: 640 };
  await visit(browser, url, small, async ({ page }) => {
    await waitForAnotherDose(page, await dosesGiven(page));
    assert.equal(await overflow(page), 0, "nobody has to scroll sideways");
  });
});

test("a message is found, and its life is told", async () => {
  await visit(browser, new URL("/find?type=RDE", url).href, {}, async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Messages" }).waitFor();
    const first = page.locator("tbody tr").first();
    await first.waitFor();
    await first.getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: /The life of message/ }).waitFor();
    const bytes = page.getByRole("list", { name: "The message as it came" });
    assert.match(await bytes.innerText(), /^MSH\|\^~\\&\|/, "segments with their delimiters");
    assert.match(await bytes.innerText(), /\nPID\|/, "one segment a line");
    await page.getByRole("heading", { name: "What was sent because of it" }).waitFor();
    if (process.env.SCREENSHOT === "1") {
      await page.screenshot({ path: screenshot.replace("live-loop", "message"), fullPage: true });
    }
  });
});

test("the message pages fit a screen of 320 px", async () => {
  const small = { width: NARROWEST, height: 640 };
  await visit(browser, new URL("/find", url).href, small, async ({ page }) => {
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await overflow(page), 0, "nobody has to scroll sideways to search");
    await page.locator("tbody tr").first().getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: /The life of message/ }).waitFor();
    assert.equal(await overflow(page), 0, "nobody has to scroll sideways to read");
  });
});

test("whoever has no key sees the form and nothing else", async () => {
  await visit(chromium, url, {}, async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
    await page.getByLabel("Access key").waitFor();
    assert.equal(await page.locator("[data-count]").count(), 0);
  });
});
