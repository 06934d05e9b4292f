// A backend: decides about clients' events, answers their calls, hears what happens.
import { connect, headers, JSONCodec, StringCodec } from "nats";

const json = JSONCodec();
const { NATS_URL = "nats://127.0.0.1:4222", NATS_USER: user, NATS_PASSWORD: pass } = process.env;
const nc = await connect({ servers: NATS_URL, user, pass, inboxPrefix: "_INBOX_orders", maxReconnectAttempts: -1 });
const js = nc.jetstream({ timeout: 1_500 }); // shorter than nats.timeout, or the client would not wait for the answer

function refuse(request, code, why) {
  const h = headers();
  h.set("Hubbub-Error", `${code} ${why}`);
  request.respond(undefined, { headers: h });
}

// Clients send any JSON value that they like. Null: it is no order.
function orderIn(request) {
  const order = json.decode(request.data);
  return Number.isInteger(order?.quantity) && order.quantity > 0 ? order : null;
}

// Whatever happens to one request, it has an answer, and the next one is served.
async function serve(subject, how) {
  for await (const request of nc.subscribe(subject, { queue: "orders" })) {
    try {
      await how(request);
    } catch (error) {
      console.error(`${request.subject}: ${error.message}`);
      refuse(request, "unavailable", "try again");
    }
  }
}

// Clients' events for rooms of a namespace with publish = "via_backend".
async function decide(request) {
  if (!orderIn(request)) return refuse(request, "invalid_data", "quantity must be a positive integer");
  // What it confirms it publishes: with the same headers the event keeps its id, its user and its type.
  const room = request.subject.slice("hubbub.up.".length);
  await js.publish(`hubbub.rooms.${room}`, request.data, { headers: request.headers });
  request.respond(); // the client's `ok`
}

// Clients' calls.
async function answer(request) {
  if (request.subject !== "hubbub.call.orders.price") return refuse(request, "no_such_method", "orders has no such method");
  const order = orderIn(request);
  if (!order) return refuse(request, "invalid_data", "quantity must be a positive integer");
  const user = request.headers.get("Hubbub-From"); // empty: anonymous
  request.respond(json.encode({ sku: order.sku, user, price: 5 * order.quantity }));
}

// What happens on the nodes (nats.notify says what of it).
async function listen() {
  const text = StringCodec();
  for await (const notice of nc.subscribe("hubbub.notify.*")) console.log(notice.subject, text.decode(notice.data));
}

await Promise.all([
  serve("hubbub.up.orders.>", decide),
  serve("hubbub.call.orders.*", answer),
  listen(),
  nc.flush().then(() => console.log("ready")),
]);
