#include "cluster/nats_orders.hpp"

#include "broker/json_writer.hpp"

#include <utility>

namespace hubbub::cluster {
namespace {

// Nobody gives so many; and each may be looked at by the thread that hears of revocations.
constexpr int most_orders_waiting = 1024;
constexpr int most_order_bytes = 1 << 20;

bool is_not_understood(broker::errc code) noexcept {
  return code == broker::errc::bad_frame || code == broker::errc::bad_command;
}

std::string refused_order(const std::string& node, const broker::refusal& why) {
  std::string text;
  broker::protocol::json_writer json{text};
  json.put("{\"code\":").text(name(why.code)).put(",\"message\":").text(why.message);
  json.put(",\"node\":").text(node).put("}");
  return text;
}

/// Who gave the order, and how the answer finds them.
struct given_order {
  std::weak_ptr<jetstream_context> with;
  std::string what;
  std::string reply;

  void answer(const broker::result<std::string>& done, const std::function<void()>& then) const {
    const auto to = with.lock();
    if (to)
      send(*to, done);
    // Behind the answer, by the thread that sends it.
    if (then && !(to && to->link->post(then)))
      then();
  }

private:
  void send(jetstream_context& to, const broker::result<std::string>& done) const {
    if (!done && is_not_understood(done.error().code)) {
      ++to.counters.bad_orders;
      to.log.limited(broker::log_level::warn, "orders", what,
                     "an order to " + what + " is not understood: " + done.error().message);
    } else if (!done) {
      ++to.counters.refused_orders;
      // Whoever published it, rather than asked, hears of it nowhere else.
      if (!to.names.is_for_answers(reply))
        to.log.limited(broker::log_level::warn, "orders", what + " refused",
                       "an order to " + what + " was refused, and nobody waits for the answer",
                       {{"code", name(done.error().code)}});
    }
    if (reply.empty())
      return;
    if (to.names.is_for_answers(reply))
      to.link->send(reply, {}, done ? *done : refused_order(to.options.node, done.error()));
    else
      to.log.limited(broker::log_level::warn, "orders", "reply",
                     "an order to " + what + " wants its answer on a subject that is not for answers");
  }
};

} // namespace

nats_link::subscription obey_orders(const std::shared_ptr<jetstream_context>& with, std::string_view what,
                                    broker::order_handler to, std::string queue) {
  return with->link->subscribe(
      with->names.control(what),
      [weak = std::weak_ptr{with}, what = std::string{what}, to = std::move(to)](const nats_message& m) {
        to(m.data, [order = given_order{weak, what, std::string{m.reply}}](
                       const broker::result<std::string>& done, const std::function<void()>& then) {
          order.answer(done, then);
        });
      },
      {most_orders_waiting, most_order_bytes, std::move(queue)});
}

} // namespace hubbub::cluster
