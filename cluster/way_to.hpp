#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include <memory>
#include <utility>

namespace hubbub::cluster {

/// How many small objects find a large one that they may outlive: they share this, at 8 bytes each where a
/// `std::weak_ptr` takes 16. Any thread.
template <class T>
class way_to : public boost::intrusive_ref_counter<way_to<T>> {
public:
  explicit way_to(std::weak_ptr<T> there) noexcept : there_{std::move(there)} {}
  /// Null: it is gone.
  [[nodiscard]] std::shared_ptr<T> lock() const noexcept { return there_.lock(); }

private:
  const std::weak_ptr<T> there_;
};

template <class T>
using way_ptr = boost::intrusive_ptr<const way_to<T>>;

} // namespace hubbub::cluster
