#pragma once

namespace hubbub::actors {

/// One visitor made of several lambdas, for `std::visit`.
template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

} // namespace hubbub::actors
