#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace hubbub::cluster {

/// Who sends to a live room, and the number of each one's next event: what is missing was lost. A node counts
/// anew in each life of its room, and names the life: `<link>-<number>`, where a later one has a larger
/// number. Not thread-safe.
class live_senders {
public:
  struct heard {
    /// So many events never came, or come too late to be shown in order.
    std::uint64_t lost = 0;
    /// So many of these, from the first one on, are passed over: they are among the lost ones, now or before,
    /// or will be.
    std::uint64_t passed_over = 0;
    /// It would leave so many out that it is not believed unless the next one goes on from there.
    bool is_doubtful = false;
  };

  /// `count` events came, of which the first has the number `first`, which is not 0.
  [[nodiscard]] heard hear(std::string_view incarnation, std::uint64_t first, std::size_t count);

private:
  struct sender {
    std::uint64_t life = 0;
    std::uint64_t next = 1;
    /// Where one that was not believed would go on; 0: nowhere.
    std::uint64_t doubtful_next = 0;
  };
  using table = std::map<std::string, sender, std::less<>>;
  /// Null: nobody has sent yet.
  std::unique_ptr<table> senders_;
};

} // namespace hubbub::cluster
