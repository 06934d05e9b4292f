// A backend: decides about clients' events, answers their calls, hears what happens.
import { connect, headers, JSONCodec } from "nats";

const json = JSONCodec();
const nc = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222" });
const js = nc.jetstream();

function refuse(request, code, why) {
  const h = headers();
  h.set("Hubbub-Error", `${code} ${why}`);
  request.respond(undefined, { headers: h });
}

// Clients' events for rooms of a namespace with publish = "via_backend".
async function decide() {
  for await (const request of nc.subscribe("hubbub.up.orders.>", { queue: "orders" })) {
    const order = json.decode(request.data);
    if (!(order.quantity > 0)) {
      refuse(request, "invalid_data", "quantity must be positive");
      continue;
    }
    // What it confirms it publishes: with the same headers the event keeps its id, its user and its type.
    const room = request.subject.slice("hubbub.up.".length);
    await js.publish(`hubbub.rooms.${room}`, request.data, { headers: request.headers });
    request.respond(); // the client's `ok`
  }
}

// Clients' calls.
async function answer() {
  for await (const request of nc.subscribe("hubbub.call.orders.*", { queue: "orders" })) {
    const user = request.headers.get("Hubbub-From"); // empty: anonymous
    const { sku, quantity } = json.decode(request.data);
    if (request.subject === "hubbub.call.orders.price") request.respond(json.encode({ sku, user, price: 5 * quantity }));
    else refuse(request, "no_such_method", "orders has no such method");
  }
}

// What happens on the nodes (nats.notify says what of it).
async function listen() {
  for await (const notice of nc.subscribe("hubbub.notify.*")) console.log(notice.subject, JSON.stringify(json.decode(notice.data)));
}

await Promise.all([decide(), answer(), listen(), nc.flush().then(() => console.log("ready"))]);
