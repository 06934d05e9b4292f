// The page of `hubbub serve --dev`: a chat in one room, to see the broker at work.

import { connect } from "./hubbub.js";
import { MessageList } from "./messages.js";
import { Typing, showPeople } from "./people.js";

const $ = (id) => document.getElementById(id);
const roomName = new URLSearchParams(location.search).get("room")?.trim() || "chat.lobby";

// Each window is somebody of its own and stays so when it is loaded again; the name is kept for all.
const kept = (store, key, make) => {
  try {
    let value = store.getItem(key);
    if (value === null && make) store.setItem(key, (value = make()));
    return value;
  } catch {
    return make?.() ?? null; // storage may be forbidden
  }
};
const keep = (store, key, value) => { try { store.setItem(key, value); } catch { /* then not */ } };
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
const me = kept(sessionStorage, "hubbub.who", newId);
let name = kept(sessionStorage, "hubbub.name") ?? kept(localStorage, "hubbub.name") ?? "";

const hub = connect(new URL("/v1/ws", location.href), { backoffMs: 600, backoffMaxMs: 15_000 });
const info = () => (name ? { name } : undefined);
const room = hub.join(roomName, { history: 50, presence: true, info: info() });
const live = hub.join(`live.${roomName}`, { recover: false });

const messages = new MessageList({
  list: $("messages"), scroll: $("scroll"), newest: $("newest"), empty: $("empty"),
  own: (who) => who === me, trimmed: () => { $("earlier").hidden = false; },
});
const typing = new Typing($("typing"));

// Connection -------------------------------------------------------------------------------------

let countdown;
function showConnection() {
  clearInterval(countdown);
  const box = $("connection");
  box.dataset.state = hub.state;
  $("retry").hidden = hub.state !== "waiting";
  const say = (text) => { if ($("connection-text").textContent !== text) $("connection-text").textContent = text; };
  if (hub.state === "waiting") {
    const tick = () => say(`Reconnecting in ${Math.max(0, Math.ceil((hub.retryAt - Date.now()) / 1000))} s`);
    tick();
    countdown = setInterval(tick, 250);
  } else {
    say({ connecting: "Connecting…", online: "Online", closed: "Disconnected" }[hub.state]);
  }
  if (hub.state === "closed") notice(`The server ended this connection: ${hub.reason?.message}. Load the page again to retry.`);
}
hub.on("state", showConnection);
hub.on("error", (error) => notice(error.message));
$("retry").addEventListener("click", () => hub.retry());
showConnection();

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

// The room ---------------------------------------------------------------------------------------

let unread = 0;
let missed = null; // while what was missed comes in: where it ends, and whether a line says so already

room.on("joined", async ({ head, offset, again, renewed }) => {
  notice("");
  missed = again && head > offset ? { until: head, told: false } : null;
  if (renewed) {
    messages.forgetOffsets();
    $("earlier").hidden = true;
    messages.mark("The room's log began anew: what was said meanwhile may be lost.", true);
  }
  if (again) return;
  messages.showEmpty(head <= offset);
  try {
    const { events } = offset > 0 ? await room.history({ before: offset + 1, limit: 1 }) : { events: [] };
    $("earlier").hidden = events.length === 0;
  } catch { /* then there is no way back */ }
});
room.on("event", (event) => {
  if (missed && !missed.told) {
    missed.told = true;
    messages.mark("While you were away");
  }
  messages.add(event);
  if (missed && event.offset >= missed.until) {
    missed = null;
    messages.mark("Now");
  }
  const who = event.data?.who;
  if (typeof who === "string") typing.set(who, "", false);
  if (document.hidden && who !== me) unread += 1;
  showTitle();
});
room.on("gap", ({ from, to, renewed }) => {
  if (renewed) return; // told already
  messages.mark(
    to === null || to === undefined
      ? `What was said after message ${from} may be lost: the room no longer has it.`
      : `What was said between messages ${from} and ${to} is lost: the room no longer has it.`,
    true,
  );
});
room.on("error", (error) => notice(`${roomName}: ${error.message}`));
room.on("presence", () =>
  showPeople({ list: $("people"), note: $("people-note"), count: $("people-count") }, room, hub.welcome?.user ?? hub.welcome?.session));

$("earlier").addEventListener("click", async () => {
  const before = messages.oldest;
  if (Number.isNaN(before)) return;
  try {
    const { events, more } = await room.history({ before, limit: 50 });
    messages.prepend(events.filter((e) => e.offset < before).sort((a, b) => a.offset - b.offset));
    $("earlier").hidden = !more;
  } catch (error) {
    notice(error.message);
  }
});

// Writing ----------------------------------------------------------------------------------------

function send(text, eventId = newId()) {
  const data = { text, name, who: me };
  messages.addWaiting({ type: "message", data, event_id: eventId, time: Date.now() });
  room.publish("message", data, { eventId }).catch((error) => messages.fail(eventId, error.message, () => send(text)));
}

let toldTyping = 0;
function tellTyping(yes) {
  if (yes ? Date.now() - toldTyping < 2000 : toldTyping === 0) return;
  toldTyping = yes ? Date.now() : 0;
  live.publish("typing", { name, typing: yes }, { key: me, echo: false, retry: false }).catch(() => {});
}
live.on("event", (event) => {
  if (event.type !== "typing" || typeof event.key !== "string" || event.key === me) return;
  typing.set(event.key, String(event.data?.name || "Somebody").slice(0, 40), event.data?.typing === true);
});

const text = $("text");
function fit() {
  text.style.setProperty("height", "auto");
  text.style.setProperty("height", `${text.scrollHeight + 2}px`);
}
text.addEventListener("input", () => {
  fit();
  tellTyping(text.value.trim() !== "");
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = text.value.trim();
  if (!value) return text.focus();
  send(value);
  text.value = "";
  fit();
  toldTyping = 0; // the message itself ends "is typing"
  text.focus();
});

// One's name -------------------------------------------------------------------------------------

let naming = name === "";
function showName(focus) {
  $("name-form").hidden = !naming;
  $("composer").hidden = naming;
  $("you-name").textContent = name || "not named yet";
  $("rename").hidden = naming;
  if (focus) (naming ? $("name") : text).focus();
}
$("name-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("name").value.trim();
  if (!value) return;
  name = value;
  naming = false;
  keep(sessionStorage, "hubbub.name", name);
  keep(localStorage, "hubbub.name", name);
  room.update(info()).catch(() => {}); // joins with it when the connection is back
  showName(true);
});
$("name").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || name === "") return;
  naming = false;
  showName(true);
});
$("rename").addEventListener("click", () => {
  $("name").value = name;
  naming = true;
  openSide(false);
  showName(true);
  $("name").select();
});

// What stands beside the chat --------------------------------------------------------------------

function openSide(open) {
  $("side").classList.toggle("open", open);
  $("people-toggle").setAttribute("aria-expanded", String(open));
}
$("people-toggle").addEventListener("click", () => openSide(!$("side").classList.contains("open")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !$("side").classList.contains("open")) return;
  openSide(false);
  $("people-toggle").focus();
});

function showCurl(admin) {
  const body = JSON.stringify({ room: roomName, type: "message", data: "hello" }).replaceAll("'", "'\\''");
  $("curl").textContent = `curl -d '${body}' ${admin}/v1/publish`;
}
fetch("page.json")
  .then((answer) => answer.json())
  .then(({ admin }) => showCurl(admin))
  .catch(() => showCurl(`http://${location.hostname}:8081`));
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
  } catch {
    getSelection().selectAllChildren($("curl")); // then by hand
    return;
  }
  $("copy").textContent = "Copied";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
$("room-form").addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = new URLSearchParams({ room: $("room").value.trim() });
});

function showTitle() {
  document.title = `${unread ? `(${unread}) ` : ""}${roomName} · hubbub`;
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unread = 0;
  showTitle();
});
$("room-title").textContent = roomName;
$("second-window").href = location.href;
showTitle();
showName(matchMedia("(hover: hover)").matches);
