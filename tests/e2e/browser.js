// Windows of a headless Chromium, one for each person.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { root } from "./server.js";

const pictures = path.join(root, "build/e2e");
mkdirSync(pictures, { recursive: true });

export function launchBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/** One window of one person, as a user sees it. */
export class Window {
  static async open(t, browser, url, { name, width = 1100, height = 720, dark = false, room, prepare } = {}) {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale: "en-GB",
      reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"],
    });
    t.after(() => context.close());
    await prepare?.(context);
    if (name) await context.addInitScript((n) => sessionStorage.setItem("hubbub.name", n), name);
    const page = await context.newPage();
    const window = new Window(page);
    page.on("pageerror", (error) => window.errors.push(String(error)));
    page.on("console", (message) => {
      // A server that is down is what some tests are about.
      if (message.type() === "error" && !/WebSocket connection|ERR_CONNECTION_REFUSED/.test(message.text()))
        window.errors.push(message.text());
    });
    await page.goto(room ? `${url}/?room=${encodeURIComponent(room)}` : url);
    await window.isOnline();
    return window;
  }

  errors = [];

  constructor(page) {
    this.page = page;
  }

  isOnline() {
    return this.page.locator("#connection[data-state=online]").waitFor();
  }

  async say(text) {
    await this.page.locator("#text").fill(text);
    await this.page.locator("#text").press("Enter");
  }

  /** Waits for a message with this text, confirmed by the room. */
  async hears(text) {
    await this.page.locator(".message:not(.waiting)", { has: this.page.locator(".bubble", { hasText: text }) }).first().waitFor();
  }

  messages() {
    return this.page.locator(".message .bubble").allTextContents();
  }

  marks() {
    return this.page.locator(".mark").allTextContents();
  }

  people() {
    return this.page.locator("#people .who").allTextContents();
  }

  picture(file) {
    return this.page.screenshot({ path: path.join(pictures, `${file}.png`) });
  }

  async fits() {
    const [content, window] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `the page is ${content} wide in a window of ${window}`);
    const outside = await this.page.evaluate(() =>
      [...document.querySelectorAll("body *")]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1)
        .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5)
        .map((e) => e.id || e.className || e.tagName),
    );
    assert.deepEqual(outside, []);
  }

  hadNoErrors() {
    assert.deepEqual(this.errors, []);
  }
}
