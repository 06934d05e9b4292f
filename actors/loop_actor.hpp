#pragma once

#include <caf/actor_config.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/intrusive/lifo_inbox.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/resumable.hpp>

#include <cstddef>

namespace hubbub::actors {

/// An actor with a mailbox that event loops run, one message at a time: what CAF's `event_based_actor` is,
/// without the 1.7 KB that each of those has for behaviours, requests, timeouts and streams. It sends, but
/// asks nothing by CAF's requests, and answers none.
class loop_actor : public caf::monitorable_actor, public caf::resumable {
public:
  explicit loop_actor(caf::actor_config& cfg);
  ~loop_actor() override;
  loop_actor(const loop_actor&) = delete;
  loop_actor& operator=(const loop_actor&) = delete;

  /// Puts it in the mailbox; `host`, never null, runs the actor when it slept. An actor that has ended drops
  /// it. Any thread.
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void enqueue(caf::strong_actor_ptr sender, caf::message_id id, caf::message content,
               caf::execution_unit* host) override;

  /// Reads at most so many messages, in the order in which they came. Whoever it is scheduled with.
  resume_result resume(caf::execution_unit* at, std::size_t most) override;
  void intrusive_ptr_add_ref_impl() override;
  void intrusive_ptr_release_impl() override;

  /// Ends it: what is in the mailbox is dropped. From within its own turn, or when nobody runs it any more.
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override;
  void on_destroy() override;

protected:
  // What they throw ends the actor, with the exception's text as reason. Without the memory for that text
  // `resume` throws, and whoever answers for the loop has the node end.

  /// Before its first message.
  virtual void begin() = 0;
  virtual void read(caf::mailbox_element& what) = 0;

  /// Ends after this message. No reason: as it should.
  void quit(caf::error reason = {}) noexcept;
  /// Who runs it; null before its first turn.
  [[nodiscard]] caf::execution_unit* context() const noexcept { return context_; }

private:
  struct letters {
    using mapped_type = caf::mailbox_element;
    using unique_pointer = caf::mailbox_element_ptr;
  };
  [[nodiscard]] caf::mailbox_element_ptr next() noexcept;
  /// Throws where there is not even the memory to say why it ends.
  void read_one(caf::mailbox_element& what);

  caf::intrusive::lifo_inbox<letters> inbox_;
  /// Taken from the inbox already; the oldest first.
  caf::mailbox_element* taken_ = nullptr;
  caf::execution_unit* context_ = nullptr;
  caf::error why_;
  bool begun_ = false;
  bool ends_ = false;
};

} // namespace hubbub::actors
