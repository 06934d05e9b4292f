#include "actors/counted_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace hubbub::actors {

counted_address::counted_address(std::string_view address) noexcept {
  set(address);
  if (address.find(':') == std::string_view::npos || address.size() >= text_.size())
    return;
  // A link-local one names its interface, too.
  std::array<char, sizeof text_> text{};
  address.substr(0, address.find('%')).copy(text.data(), text.size());
  in6_addr all{};
  if (::inet_pton(AF_INET6, text.data(), &all) != 1)
    return;
  if (IN6_IS_ADDR_V4MAPPED(&all)) {
    ::inet_ntop(AF_INET, &all.s6_addr[12], text.data(), text.size());
    set(text.data());
    return;
  }
  std::fill(std::begin(all.s6_addr) + 8, std::end(all.s6_addr), std::uint8_t{0});
  ::inet_ntop(AF_INET6, &all, text.data(), text.size());
  set(text.data());
  constexpr std::string_view network = "/64";
  size_ += network.copy(text_.data() + size_, text_.size() - size_);
}

void counted_address::set(std::string_view text) noexcept { size_ = text.copy(text_.data(), text_.size()); }

} // namespace hubbub::actors
