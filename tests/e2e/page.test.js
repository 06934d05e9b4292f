import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { mintToken } from "../faults/tokens.mjs";
import { keyFile, mint, start, within } from "../integration/support/server.mjs";
import { Window, launchBrowser } from "./browser.js";
import { eventually, freePort, publish, startServer, temporaryDirectory } from "./server.js";

let browser;
let server;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.kill();
});

let rooms = 0;
const newRoom = () => `chat.test-${++rooms}`;
const message = (room, text, name = "Backend") => ({ room, type: "message", data: { text, name } });

test("the page opens in chat.lobby and asks for a name", async (t) => {
  const window = await Window.open(t, browser, server.url);
  await window.page.getByText("It is quiet here").waitFor();
  await window.picture("empty");
  assert.equal(await window.page.locator("#room-title").textContent(), "chat.lobby");
  assert.equal(await window.page.locator("#composer").isVisible(), false);
  await window.page.locator("#name").fill("Ann");
  await window.page.locator("#name").press("Enter");
  await window.say("hello");
  await window.hears("hello");
  assert.equal(await window.page.locator("#empty").isVisible(), false);
  await eventually(async () => (await window.people()).includes("Ann"));
  await window.page.reload();
  await window.isOnline();
  await window.hears("hello"); // history on opening
  assert.equal(await window.page.locator(".message.own").count(), 1); // still one's own
  window.hadNoErrors();
});

test("two windows chat, and see each other come and go", async (t) => {
  const room = newRoom();
  const ann = await Window.open(t, browser, server.url, { name: "Ann", room });
  const bob = await Window.open(t, browser, server.url, { name: "Bob", room });
  await eventually(async () => (await ann.people()).join() === "Ann,Bob", "Ann sees Bob");
  await eventually(async () => (await bob.people()).join() === "Bob,Ann", "Bob sees Ann");
  await ann.say("Hi Bob");
  await bob.hears("Hi Bob");
  await bob.say("Hi Ann");
  await ann.hears("Hi Ann");
  await ann.hears("Hi Bob");
  assert.deepEqual(await ann.messages(), ["Hi Bob", "Hi Ann"]);
  assert.deepEqual(await bob.messages(), ["Hi Bob", "Hi Ann"]);
  assert.equal(await bob.page.locator(".message:not(.own) .author").textContent(), "Ann");
  await bob.page.close();
  await eventually(async () => (await ann.people()).join() === "Ann", "Bob has left");
  assert.equal(await ann.page.locator("#people-count").textContent(), "1");
  ann.hadNoErrors();
  bob.hadNoErrors();
});

test("a window that opens shows what was said before, and what was before that", async (t) => {
  const room = newRoom();
  for (let i = 1; i <= 120; i += 1) await publish(server, message(room, `number ${i}.`));
  const window = await Window.open(t, browser, server.url, { name: "Ann", room });
  await window.hears("number 120.");
  assert.equal((await window.messages()).length, 50);
  await window.page.getByText("Show earlier messages").click();
  await eventually(async () => (await window.messages()).length === 100);
  await window.page.getByText("Show earlier messages").click();
  await eventually(async () => (await window.messages()).length === 120);
  const expected = Array.from({ length: 120 }, (_, i) => `number ${i + 1}.`);
  assert.deepEqual(await window.messages(), expected);
  await eventually(async () => !(await window.page.locator("#earlier").isVisible()), "nothing is earlier than the first");
  window.hadNoErrors();
});

test("who is typing is told to the others, until they send or stop", async (t) => {
  const room = newRoom();
  const ann = await Window.open(t, browser, server.url, { name: "Ann", room });
  const bob = await Window.open(t, browser, server.url, { name: "Bob", room });
  const typing = () => bob.page.locator("#typing").textContent();
  await ann.page.locator("#text").pressSequentially("I was thin", { delay: 20 });
  await eventually(async () => (await typing()) === "Ann is typing…");
  await bob.picture("typing");
  assert.equal(await ann.page.locator("#typing").textContent(), ""); // echo: false
  await ann.page.locator("#text").press("Enter");
  await bob.hears("I was thin");
  await eventually(async () => (await typing()) === "");
  await ann.page.locator("#text").pressSequentially("x");
  await eventually(async () => (await typing()) === "Ann is typing…");
  await ann.page.locator("#text").press("Backspace");
  await eventually(async () => (await typing()) === "");
  ann.hadNoErrors();
});

test("after a restart the page reconnects and shows what it missed, and what waited is sent once", async (t) => {
  const room = newRoom();
  const dataDir = await temporaryDirectory(t);
  const port = await freePort();
  let mortal = await startServer({ port, dataDir });
  t.after(() => mortal.kill());
  const ann = await Window.open(t, browser, mortal.url, { name: "Ann", room });
  const bob = await Window.open(t, browser, mortal.url, { name: "Bob", room });
  await ann.say("before");
  await bob.hears("before");
  const places = () => ann.page.evaluate(() => ["#composer", "#people-count", "#scroll", "#curl"].map((s) => {
    const { x, y } = document.querySelector(s).getBoundingClientRect();
    return [s, x, y];
  }));
  const placed = await places();

  await mortal.kill("SIGKILL");
  await ann.page.locator("#connection[data-state=waiting]").waitFor();
  assert.match(await ann.page.locator("#connection-text").textContent(), /^Reconnecting in \d+ s$/);
  assert.deepEqual(await places(), placed); // nothing jumps
  await ann.say("written meanwhile");
  await ann.page.locator(".message.waiting").waitFor();
  await ann.picture("reconnecting");

  // Elsewhere, where no window can reach it, so that it is missed for certain.
  mortal = await startServer({ dataDir });
  for (let i = 1; i <= 3; i += 1) await publish(mortal, message(room, `missed ${i}`));
  await mortal.kill("SIGKILL");
  mortal = await startServer({ port, dataDir });

  for (const window of [ann, bob]) {
    await window.page.locator("#retry").click({ timeout: 1000 }).catch(() => {}); // it may be back already
    await window.isOnline();
    await window.hears("written meanwhile");
    await window.hears("missed 3");
  }
  await ann.picture("recovered");
  for (const window of [ann, bob]) {
    const texts = await window.messages();
    assert.deepEqual(texts.filter((text) => text !== "written meanwhile"), ["before", "missed 1", "missed 2", "missed 3"]);
    assert.equal(texts.filter((text) => text === "written meanwhile").length, 1);
    assert.ok((await window.marks()).includes("While you were away"));
    assert.equal(await window.page.locator(".mark.lost").count(), 0);
    window.hadNoErrors();
  }
  await eventually(async () => (await ann.people()).join() === "Ann,Bob", "both are here again");
});

test("when the log was lost the page says so", async (t) => {
  const room = newRoom();
  const port = await freePort();
  let mortal = await startServer({ port });
  t.after(() => mortal.kill());
  const ann = await Window.open(t, browser, mortal.url, { name: "Ann", room });
  await ann.say("before");
  await ann.hears("before");
  await mortal.kill("SIGKILL");
  mortal = await startServer({ port });
  await ann.page.locator(".mark.lost").waitFor({ timeout: 20_000 });
  await ann.say("after");
  await ann.hears("after");
  await ann.picture("gap");
  assert.deepEqual(await ann.messages(), ["before", "after"]);
  assert.equal(await ann.page.locator(".mark.lost").count(), 1);
  ann.hadNoErrors();
});

test("the line for a shell publishes here, and can be copied", async (t) => {
  if (spawnSync("curl", ["--version"]).error) return t.skip("curl is not installed");
  const room = newRoom();
  const window = await Window.open(t, browser, server.url, { name: "Ann", room });
  await window.page.locator("#copy").click();
  const line = await window.page.evaluate(() => navigator.clipboard.readText());
  assert.match(line, /^curl /);
  execFileSync("sh", ["-c", line], { stdio: "ignore" });
  await window.hears("hello");
  window.hadNoErrors();
});

test("what others write is shown as text, whatever it is", async (t) => {
  const room = newRoom();
  const evil = '<img src=x onerror="document.title=1"><script>1</script>';
  const window = await Window.open(t, browser, server.url, { name: "Ann", room });
  await publish(server, message(room, evil, evil));
  await publish(server, { room, type: "order", data: { number: 17, lines: [1, null, "x"] } });
  await publish(server, { room, type: "message", data: null });
  await window.hears('{"number":17,"lines":[1,null,"x"]}');
  await window.hears("null");
  assert.equal((await window.messages())[0], evil);
  assert.equal(await window.page.locator("#messages img, #messages script").count(), 0);
  window.hadNoErrors();
});

test("an event of a time that no calendar has is shown, and those beside it are", async (t) => {
  const room = newRoom();
  const window = await Window.open(t, browser, server.url, { name: "Ann", room, prepare: (context) =>
    // Only backends on NATS may say a time, so it is put in on the way.
    context.routeWebSocket(/\/v1\/ws/, (socket) => {
      const to = socket.connectToServer();
      to.onMessage((text) => socket.send(String(text).replace(/"text":"late"(.*?)"time":\d+/g, '"text":"late"$1"time":99999999999999999')));
    }) });
  await publish(server, ["early", "late", "later"].map((text) => message(room, text)));
  await window.hears("later");
  assert.deepEqual(await window.messages(), ["early", "late", "later"]);
  window.hadNoErrors();
});

test("a room that cannot be is named", async (t) => {
  const window = await Window.open(t, browser, server.url, { name: "Ann", room: "lobby" });
  await window.page.locator("#notice", { hasText: "lobby" }).waitFor();
});

test("the keyboard does everything", async (t) => {
  const room = newRoom();
  const window = await Window.open(t, browser, server.url, { name: "Ann", room, width: 400, height: 800 });
  const { page } = window;
  const tabTo = async (id) => {
    for (let i = 0; i < 20; i += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.id === wanted, id)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab never reaches ${id}`);
  };
  await page.evaluate(() => document.activeElement?.blur());
  await tabTo("text");
  await page.keyboard.type("two");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("lines");
  await page.keyboard.press("Enter");
  await window.hears("two");
  assert.deepEqual(await window.messages(), ["two\nlines"]);
  await tabTo("people-toggle");
  await page.keyboard.press("Enter");
  await page.locator("#people").waitFor();
  await tabTo("rename");
  await page.keyboard.press("Enter");
  await page.keyboard.type("Anna");
  await page.keyboard.press("Enter");
  await tabTo("people-toggle");
  await page.keyboard.press("Enter");
  await eventually(async () => (await window.people()).join() === "Anna");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#side").isVisible(), false);
  window.hadNoErrors();
});

for (const [width, dark] of [[320, false], [400, true], [1100, true], [1100, false]]) {
  test(`it fits a window of ${width} pixels, ${dark ? "dark" : "light"}`, async (t) => {
    const room = newRoom();
    const height = width < 500 ? 700 : 720;
    const ann = await Window.open(t, browser, server.url, { name: "Ann", room, width, height, dark });
    const bob = await Window.open(t, browser, server.url, { name: "Bob Featherstonehaugh-Cholmondeley", room });
    await Window.open(t, browser, server.url, { name: "Zoë", room });
    await publish(server, message(room, "Build 1042 passed.", "ci"));
    await bob.say("Morning! Has anybody seen the new fan-out numbers?");
    await ann.hears("numbers");
    await ann.say("Yes, they are good. I will put them on the page after lunch.");
    await bob.hears("after lunch");
    await bob.say("x".repeat(300));
    await bob.say("Great.\nThank you!");
    await publish(server, { room, type: "order.created", data: { number: 17, customer: "c-1", items: ["tea", "cups"] } });
    await ann.hears("c-1");
    await ann.say("And here comes an order.");
    await bob.hears("here comes");
    await ann.hears("here comes");
    await ann.fits();
    await ann.picture(`chat-${width}-${dark ? "dark" : "light"}`);
    if (width < 800) {
      await ann.page.locator("#people-toggle").click();
      await eventually(async () => (await ann.people()).length === 3);
      await ann.fits();
      await ann.picture(`people-${width}-${dark ? "dark" : "light"}`);
    }
    ann.hadNoErrors();
  });
}

test("a browser, which is not told why a handshake failed, says why a token was refused", async (t) => {
  const directory = await temporaryDirectory(t);
  const key = keyFile(directory);
  const strict = await start(t, { config: `[auth]\nhs256_key_file = "${key}"\n`, dev: true });
  const window = await Window.open(t, browser, strict.url);
  const ended = (given) => within(10_000, window.page.evaluate(async (tokens) => {
    const { connect } = await import("/hubbub.js");
    const token = tokens.length > 1 ? () => tokens.shift() : tokens[0];
    const hub = connect(`${location.origin}/v1/ws`, { token, backoffMs: 50, backoffMaxMs: 200 });
    const reasons = [];
    await new Promise((resolve) => hub.on("state", (state) => {
      if (state !== "connecting") reasons.push(`${state} ${hub.reason?.code ?? null}`);
      if (state === "closed" || state === "online") resolve();
    }));
    const user = hub.welcome?.user ?? null;
    hub.close();
    return { reasons, user };
  }, given), "it is online, or closed");
  const over = mintToken("k".repeat(48), "ann", undefined, -60);
  const foreign = mintToken("x".repeat(48), "ann");
  assert.deepEqual((await ended([over])).reasons.slice(0, 2), ["waiting null", "closed expired"]);
  assert.deepEqual((await ended([foreign])).reasons.slice(0, 2), ["waiting null", "closed unauthorized"]);
  const { reasons, user } = await ended([over, over, await mint(key)]);
  assert.deepEqual(reasons.slice(0, 3), ["waiting null", "waiting expired", "online null"]);
  assert.equal(user, "ann");
});
