// The list of messages. Everything that came from elsewhere goes in as text.

const most = 500; // older ones leave the page; the room still has them
const together = 5 * 60_000;
const latest = 8.64e15; // that a Date can be, either side of 1970 (ECMA-262, 21.4.1.1)

/** The parts of a message that are shown. Whatever JSON a backend publishes has a readable form. */
export function describe(event) {
  const { data } = event;
  const object = data !== null && typeof data === "object" && !Array.isArray(data) ? data : {};
  const chat = typeof object.text === "string";
  const name = [object.name, event.from].find((n) => typeof n === "string" && n.trim() !== "");
  return {
    author: name?.trim() ?? event.type,
    outside: name === undefined,
    who: typeof object.who === "string" ? object.who : null,
    text: chat ? object.text : typeof data === "string" ? data : JSON.stringify(data),
    json: !chat && typeof data !== "string",
    // Backends may say any time.
    time: Number.isFinite(event.time) && Math.abs(event.time) <= latest ? event.time : Date.now(),
  };
}

export function element(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

/** A round initial whose colour follows from the name. */
export function avatar(name, outside = false) {
  const e = element("span", outside ? "avatar outside" : "avatar", outside ? "›_" : [...name][0]?.toUpperCase());
  e.setAttribute("aria-hidden", "true");
  let hash = 7;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 100_003;
  e.style.setProperty("--hue", (hash % 18) * 20);
  return e;
}

export class MessageList {
  #list;
  #scroll;
  #newest;
  #empty;
  #own;
  #trimmed;
  #queue = [];
  #timer = null;
  #waiting = new Map(); // one's own messages that the room has not confirmed, by event_id
  #failed = new Map();
  #follow = true;

  /** `own(who)`: is this author me? `trimmed()` is called when the oldest left the page. */
  constructor({ list, scroll, newest, empty, own, trimmed }) {
    [this.#list, this.#scroll, this.#newest, this.#empty, this.#own] = [list, scroll, newest, empty, own];
    this.#trimmed = trimmed;
    newest.addEventListener("click", () => this.toBottom());
    scroll.addEventListener("scroll", () => {
      this.#follow = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
      if (this.#follow) newest.hidden = true;
    });
    // A keyboard that opens or a field that grows must not hide the newest message.
    new ResizeObserver(() => { if (this.#follow) this.toBottom(); }).observe(scroll);
  }

  /** The offset of the oldest event shown; NaN: none has one. */
  get oldest() {
    return Number(this.#list.querySelector("[data-offset]")?.dataset.offset ?? NaN);
  }

  /** The offsets shown belong to a log that is no more. */
  forgetOffsets() {
    for (const item of this.#list.querySelectorAll("[data-offset]")) delete item.dataset.offset;
  }

  /** Shows an event at the end; one's own message that waited for it gives way. */
  add(event) {
    this.#later(() => {
      for (const map of [this.#waiting, this.#failed]) {
        map.get(event.event_id)?.remove();
        map.delete(event.event_id);
      }
      return this.#message(event);
    });
  }

  /** Shows one's own message before the room has it. */
  addWaiting(event) {
    this.#draw();
    const item = this.#message(event);
    item.classList.add("waiting");
    this.#waiting.set(event.event_id, item);
    this.#follow = true;
    this.#insert([item], null);
  }

  /** The room refused it. */
  fail(eventId, why, again) {
    const item = this.#waiting.get(eventId);
    if (!item) return;
    this.#waiting.delete(eventId);
    this.#failed.set(eventId, item);
    item.classList.replace("waiting", "failed");
    const state = element("p", "state", `Not sent: ${why} `);
    const retry = element("button", "link", "Try again");
    retry.type = "button";
    retry.addEventListener("click", () => {
      this.#failed.delete(eventId);
      item.remove();
      again();
    });
    state.append(retry);
    item.append(state);
    if (this.#follow) this.toBottom();
  }

  /** A line between messages; `lost`: it tells of messages that are not here. */
  mark(text, lost = false) {
    this.#later(() => element("li", lost ? "mark lost" : "mark", text));
  }

  /** Puts older events before the first; what one looks at stays where it is. */
  prepend(events) {
    const height = this.#scroll.scrollHeight;
    this.#list.prepend(...events.map((e) => this.#message(e)));
    this.#arrange();
    this.#scroll.scrollTop += this.#scroll.scrollHeight - height;
  }

  showEmpty(yes) {
    this.#empty.hidden = !yes || this.#list.childElementCount + this.#queue.length > 0;
  }

  toBottom() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newest.hidden = true;
  }

  // Many events in a row are drawn at once.
  #later(make) {
    this.#queue.push(make);
    if (this.#queue.length > most) this.#queue.shift();
    this.#timer ??= setTimeout(() => this.#draw(), 15);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const items = this.#queue.splice(0).map((make) => make());
    if (items.length) this.#insert(items, this.#waiting.values().next().value ?? null);
  }

  #insert(items, before) {
    this.#empty.hidden = true;
    const fragment = document.createDocumentFragment();
    fragment.append(...items);
    this.#list.insertBefore(fragment, before);
    if (this.#follow && this.#list.childElementCount > most) {
      while (this.#list.childElementCount > most) this.#list.firstElementChild.remove();
      this.#trimmed();
    }
    this.#arrange();
    if (this.#follow) this.toBottom();
    else if (items.some((item) => item.classList.contains("message"))) this.#newest.hidden = false;
  }

  #message(event) {
    const told = describe(event);
    const item = element("li", "message");
    item.dataset.author = told.who ?? told.author;
    item.dataset.time = told.time;
    item.dataset.event = event.event_id;
    if (event.offset !== undefined) item.dataset.offset = event.offset;
    if (this.#own(told.who)) item.classList.add("own");
    const meta = element("p", "meta");
    const time = element("time", "", new Date(told.time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    time.dateTime = new Date(told.time).toISOString();
    time.title = new Date(told.time).toLocaleString();
    meta.append(element("span", "author", told.author), time);
    item.append(avatar(told.author, told.outside), meta, element("div", told.json ? "bubble json" : "bubble", told.text));
    return item;
  }

  /** Day lines, and who said several things in a row is named once. */
  #arrange() {
    let day = "";
    let before = null;
    for (const item of [...this.#list.children]) {
      if (item.classList.contains("day")) {
        item.remove();
        continue;
      }
      if (!item.classList.contains("message")) {
        before = null;
        continue;
      }
      const time = Number(item.dataset.time);
      const today = new Date(time).toDateString();
      if (today !== day && (day !== "" || today !== new Date().toDateString())) {
        const label = new Date(time).toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
        item.before(element("li", "day", today === new Date().toDateString() ? "Today" : label));
        before = null;
      }
      day = today;
      const follows = before !== null && before.dataset.author === item.dataset.author &&
        time - Number(before.dataset.time) < together;
      item.classList.toggle("follows", follows);
      before = item;
    }
  }
}
