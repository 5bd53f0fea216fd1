// The pages on which pharmacists and those who answer for stock act, in a real browser, over a
// small hospital on a real engine. What is done is done by keyboard alone at least once.

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { NARROWEST, barriers, launch, open, overflow, visit } from "./browser.mjs";
import { startDesks } from "./demo.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

let hospital;
let chromium;
// The same browser, in which every page has the session of pharmacist P2001.
let paula;
// The same of nurse N1001.
let anna;
let url;

before(async () => {
  chromium = await launch();
  hospital = await startDesks(root);
  const first = await chromium.newContext();
  const page = await first.newPage();
  await page.goto(hospital.address);
  const storageState = await first.storageState();
  await first.close();
  url = new URL("/", hospital.address).href;
  paula = { newContext: (options) => chromium.newContext({ ...options, storageState }) };
  anna = await signedIn("nurse");
});

after(async () => {
  await chromium?.close();
  await hospital?.stop();
});

/** The browser with the session of whoever has this key. */
async function signedIn(key) {
  const context = await chromium.newContext();
  const page = await context.newPage();
  await page.goto(at("/sign-in"));
  await page.getByLabel("Access key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Live loop" }).waitFor();
  const storageState = await context.storageState();
  await context.close();
  return { newContext: (options) => chromium.newContext({ ...options, storageState }) };
}

const at = (path) => new URL(path, url).href;

/** Keeps a picture for somebody who looks, where DESK_SHOTS names a folder. */
async function shot(page, name) {
  if (!process.env.DESK_SHOTS) return;
  await page.screenshot({ path: join(process.env.DESK_SHOTS, `${name}.png`), fullPage: true });
}

/** Presses the tab key until the element of that role and name has the focus. */
async function tabTo(page, role, name) {
  const wanted = page.getByRole(role, { name }).first();
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`the tab key does not reach ${role} ${name}`);
}

/** The page has no barriers on a narrow screen either, and fits it. */
const fits = (path, who = paula) =>
  visit(who, at(path), { width: NARROWEST, height: 640 }, async ({ page }) => {
    assert.equal(await overflow(page), 0, `nobody has to scroll ${path} sideways`);
  });

test("a pharmacist verifies a changed order by keyboard alone", async () => {
  await visit(paula, at("/verification"), {}, async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Orders to verify" }).waitFor();
    const before = await page.locator(".il-queue__row").count();
    assert.ok(before >= 4, `${before} orders wait`);
    await tabTo(page, "link", /^Ibuprofen/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /^Ibuprofen/ }).waitFor();
    assert.equal(await page.locator("del").first().innerText(), "2 tablet");
    assert.equal(await page.locator("ins").first().innerText(), "20 tablet");
    await page.getByText("Changed", { exact: true }).first().waitFor();
    assert.deepEqual(await barriers(page), []);
    await tabTo(page, "button", /^Verify version/);
    await page.keyboard.press("Enter");
    await page.getByText("The order is verified").waitFor();
    assert.equal(await page.locator(".il-queue__row").count(), before - 1);
  });
});

test("an order is asked about, and a colleague who did not see it is told", async () => {
  const late = await open(paula, at("/verification"));
  await late.page.getByRole("link", { name: /^Naloxone/ }).first().click();
  await late.page.getByRole("heading", { level: 1, name: /^Naloxone/ }).waitFor();
  const path = new URL(late.page.url()).pathname;
  await visit(paula, late.page.url(), {}, async ({ page, faults }) => {
    await page.getByRole("button", { name: "Query: ask the prescriber" }).click();
    await page.getByRole("link", { name: "Enter what you ask the prescriber" }).waitFor();
    assert.deepEqual(await barriers(page), []);
    // The page that says what is missing is an answer 422, as it has to be.
    assert.ok(faults.splice(0).every((fault) => fault.includes("422")));
    await page.getByRole("textbox", { name: /^Your question/ }).fill("For which opioid?");
    await page.getByRole("button", { name: "Query: ask the prescriber" }).click();
    await page.getByText("The question is recorded").waitFor();
    await page.getByText("Question open").first().waitFor();
  });
  await late.page.getByRole("button", { name: /^Verify version/ }).click();
  await late.page.getByRole("heading", { name: /Somebody was quicker/ }).waitFor();
  await late.page.getByText("For which opioid?").waitFor();
  assert.deepEqual(await barriers(late.page), []);
  const box = late.page.getByRole("textbox", { name: /^Your question/ });
  await box.fill("No opioid is ordered.");
  await late.page.getByRole("button", { name: "Intervene: hold it back" }).click();
  await late.page.getByText("The order is held back").waitFor();
  await late.close();
  await visit(paula, at(path), {}, async ({ page }) => {
    await page.getByText("Held back").first().waitFor();
    await page.getByText("No opioid is ordered.").waitFor();
  });
  await fits(path);
  await fits("/verification");
});

test("a batch is found, recalled and released by keyboard alone", async () => {
  await visit(paula, at("/recalls"), {}, async ({ page }) => {
    await page.getByText("No recall is in force").waitFor();
    await tabTo(page, "combobox", "Item");
    await page.keyboard.type("Para");
    await page.keyboard.press("Tab");
    await page.keyboard.type("L2231");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /batch L2231/ }).waitFor();
    await page.getByRole("heading", { name: /^Who had it: \d+ patients? for certain/ }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await tabTo(page, "textbox", "Number of the notice, or why");
    await page.keyboard.type("EL(26)A/12: glass particles");
    await page.keyboard.press("Enter");
    await page.getByText("The recall is in force").waitFor();
    await page.goto(at("/recalls"));
    await page.getByText("EL(26)A/12: glass particles").waitFor();
  });
  await fits("/recalls/PARA500/L2231");
  await fits("/recalls");
  await visit(paula, at("/recalls/PARA500/L2231"), {}, async ({ page }) => {
    await page.getByLabel("Why it ends").fill("The notice was withdrawn");
    await page.getByRole("button", { name: "End the recall" }).click();
    await page.getByText("The recall has ended").waitFor();
  });
});

test("the critical override stands on every page while it runs", async () => {
  await visit(paula, at("/critical-override"), {}, async ({ page }) => {
    await tabTo(page, "textbox", "Why orders are not checked");
    await page.keyboard.type("The ePMA is down for the whole site");
    await tabTo(page, "button", "Start the critical override");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "It runs" }).waitFor();
  });
  const pages = ["/", "/find", "/verification", "/recalls", "/counts", "/waste", "/requisitions", "/registers", "/critical-override"];
  for (const path of pages) {
    await visit(paula, at(path), {}, async ({ page }) => {
      const banner = page.getByRole("region", { name: /^Critical override: cabinets/ });
      assert.match(await banner.innerText(), /Test, Paula \(P2001\).*The ePMA is down/s, path);
    });
  }
  await fits("/critical-override");
  await fits("/");
  await visit(paula, at("/critical-override"), {}, async ({ page }) => {
    await page.getByRole("button", { name: "End the critical override" }).click();
    await page.getByRole("heading", { name: "It does not run" }).waitFor();
    assert.match(await page.locator("tbody tr").first().innerText(), /The ePMA is down/);
  });
});

test("a register is read and printed, and a discrepancy is explained", async () => {
  let path;
  await visit(paula, at("/registers"), {}, async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Controlled drugs" }).waitFor();
    const register = page.locator('a[href^="/registers/cabinet"]').first();
    path = await register.getAttribute("href");
    await register.click();
    await page.getByText("Journal digest, SHA-256").waitFor();
    assert.match(await page.locator("tbody").innerText(), /removed[\s\S]*NHS 999/);
    assert.deepEqual(await barriers(page), []);
    for (const [name, kind] of [["these entries as PDF", "application/pdf"], ["as CSV", "text/csv"]]) {
      const href = await page.getByRole("link", { name }).getAttribute("href");
      const file = await page.request.get(at(href));
      assert.equal(file.status(), 200, name);
      assert.ok(file.headers()["content-type"].startsWith(kind), name);
    }
  });
  await fits(path);
  await visit(paula, at("/registers"), {}, async ({ page }) => {
    await page.locator('a[href^="/registers/discrepancies"]').first().click();
    await page.getByRole("heading", { level: 1, name: /^Discrepancy: Morphine/ }).waitFor();
    await tabTo(page, "textbox", "What was found");
    await page.keyboard.type("What was there before the first count.");
    await tabTo(page, "button", "It is explained");
    await page.keyboard.press("Enter");
    await page.getByText("What was there before the first count.").waitFor();
    await page.getByText("Resolved", { exact: true }).first().waitFor();
  });
  await fits("/registers");
});

test("a nurse counts blind, and what differs is told with what to do", async () => {
  let path;
  await visit(anna, at("/counts"), {}, async ({ page, faults }) => {
    await page.getByRole("heading", { level: 1, name: "Counts of controlled drugs" }).waitFor();
    await page.getByLabel("Place").selectOption({ label: "Ward WARDA1" });
    await page.getByRole("button", { name: "Show" }).click();
    const due = page.getByRole("link", { name: /^Morphine/ }).first();
    assert.deepEqual(await barriers(page), []);
    await due.click();
    await page.getByRole("heading", { level: 1, name: /^Count: Morphine/ }).waitFor();
    path = new URL(page.url()).pathname;
    assert.doesNotMatch(await page.locator("main").innerText(), /20 ampoule/);
    assert.deepEqual(await barriers(page), []);
    await tabTo(page, "textbox", /^How much is there/);
    await page.keyboard.type("19");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /^The second person signs/ }).waitFor();
    assert.deepEqual(await barriers(page), []);
    // The page that says what is missing is an answer 422, as it has to be.
    assert.ok(faults.splice(0).every((fault) => fault.includes("422")));
    assert.equal(await page.getByLabel(/^How much is there/).inputValue(), "19");
    await tabTo(page, "textbox", "Access key of the second person");
    await page.keyboard.type("second");
    await page.keyboard.press("Enter");
    await page.getByText("it differs from the register").waitFor();
    await page.getByText("1 ampoule missing").first().waitFor();
    await page.getByRole("heading", { name: "What to do now" }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await shot(page, "count-differs");
    await page.getByRole("link", { name: "Count again" }).click();
    await page.getByLabel(/^How much is there/).fill("19");
    await page.getByText("Nobody can stand by", { exact: true }).click();
    await page.getByLabel("Why nobody can stand by").fill("Night shift");
    assert.deepEqual(await barriers(page), []);
    await shot(page, "count");
    await page.getByRole("button", { name: "Sign and enter the count" }).click();
    await page.getByText("It agrees with the register").waitFor();
    await shot(page, "counts");
  });
  await fits(path, anna);
  await fits("/counts", anna);
});

test("a nurse wastes a part of what is in hands before a second person", async () => {
  let path;
  await visit(anna, at("/waste"), {}, async ({ page, faults }) => {
    await page.getByRole("heading", { level: 1, name: "Waste" }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await shot(page, "hands");
    await tabTo(page, "link", /^Morphine/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /^Waste: Morphine/ }).waitFor();
    path = new URL(page.url()).pathname;
    await tabTo(page, "textbox", /^How much is wasted/);
    await page.keyboard.type("0.5");
    await page.getByLabel(/^Why/).first().fill("Part of the dose");
    await page.getByLabel(/^How it was made/).fill("Denaturing kit");
    await page.getByLabel("Access key of the second person").fill("not a key");
    await page.getByRole("button", { name: "Sign and enter the waste" }).click();
    await page.getByRole("link", { name: /^This is no access key/ }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await shot(page, "waste");
    assert.ok(faults.splice(0).every((fault) => fault.includes("422")));
    assert.equal(await page.getByLabel("Access key of the second person").inputValue(), "");
    await page.getByLabel("Access key of the second person").fill("second");
    await page.keyboard.press("Enter");
    await page.getByText("The waste is entered in the register").waitFor();
    await page.getByText("1.5 ampoule").first().waitFor();
  });
  await fits(path, anna);
  await fits("/waste", anna);
});

test("a ward asks, the pharmacy sends, the ward receives less", async () => {
  let receipt;
  await visit(anna, at("/requisitions"), {}, async ({ page }) => {
    await page.getByLabel("For", { exact: true }).selectOption({ label: "Ward WARDB2" });
    await page.getByLabel("Item", { exact: true }).selectOption("MORP10");
    await tabTo(page, "textbox", /^How much/);
    await page.keyboard.type("10");
    await page.keyboard.press("Enter");
    await page.getByText("The requisition is signed").waitFor();
    assert.deepEqual(await barriers(page), []);
  });
  await visit(paula, at("/requisitions"), {}, async ({ page, faults }) => {
    await page.getByRole("link", { name: /^Send Morphine/ }).click();
    await page.getByLabel(/^How much is sent/).fill("10");
    await page.getByRole("button", { name: "Send it off" }).click();
    await page.getByRole("link", { name: "Say who carries it" }).waitFor();
    assert.deepEqual(await barriers(page), []);
    await shot(page, "supply");
    assert.ok(faults.splice(0).every((fault) => fault.includes("422")));
    await page.getByLabel(/^Who carries it/).fill("Porter 7");
    await page.getByRole("button", { name: "Send it off" }).click();
    await page.getByText("It is on its way").waitFor();
    await fits("/requisitions");
  });
  await visit(anna, at("/requisitions"), {}, async ({ page }) => {
    await shot(page, "requisitions");
    await page.getByRole("link", { name: /^Receive Morphine/ }).click();
    await page.getByRole("heading", { level: 1, name: /^Receive: Morphine/ }).waitFor();
    receipt = new URL(page.url()).pathname;
    assert.deepEqual(await barriers(page), []);
    await fits(receipt, anna);
    await page.getByLabel(/^How much arrived/).fill("9");
    await page.getByLabel("Nothing more of it is to come").check();
    await shot(page, "receipt");
    await page.getByRole("button", { name: "Enter the receipt" }).click();
    await page.getByText("less came than was sent: 1 ampoule").waitFor();
  });
});

test("a governance lead finds who looked by keyboard alone, and a pharmacist does not", async () => {
  const session = await chromium.newContext();
  const first = await session.newPage();
  await first.goto(at("/?key=govern"));
  const storageState = await session.storageState();
  await session.close();
  const gwen = { newContext: (options) => chromium.newContext({ ...options, storageState }) };
  await visit(paula, at("/verification"), {}, async ({ page }) => {
    await page.getByRole("heading", { level: 1, name: "Orders to verify" }).waitFor();
  });
  await visit(gwen, at("/looks"), {}, async ({ page }) => {
    await tabTo(page, "textbox", /^NHS number/);
    await page.keyboard.type("9990000042");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 2, name: "Newest first" }).waitFor();
    await page.getByRole("cell", { name: "Test, Paula (P2001)" }).first().waitFor();
    assert.deepEqual(await barriers(page), []);
    assert.equal(await page.getByLabel(/^NHS number/).inputValue(), "9990000042");
  });
  for (const path of ["/looks", "/looks?patient=9990000042", "/looks?patient=9990000999"]) {
    await visit(gwen, at(path), { width: NARROWEST, height: 640 }, async ({ page }) => {
      assert.equal(await overflow(page), 0, `nobody has to scroll ${path} sideways`);
      assert.deepEqual(await barriers(page), []);
    });
  }
  const refused = await open(paula, at("/looks"));
  await refused.page.getByText("Your key does not open this page").waitFor();
  refused.faults.splice(0);
  await refused.close();
});
