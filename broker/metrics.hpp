#pragma once

#include "broker/metrics_cells.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hubbub::broker {

/// Names and values, in the order in which they are shown: `{{"kind", "live"}}`.
using metric_labels = std::vector<std::pair<std::string, std::string>>;

/// All numbers of a node, and their text in Prometheus' format 0.0.4.
///
/// Counters, gauges and histograms are made once, at the start, and counted
/// into from the loops without a lock; references stay good as long as the
/// registry lives. Asking twice for the same name and labels gives the same
/// one. Any thread.
class metrics {
public:
  /// `loops` is the number of event loops: each gets a cell of its own.
  explicit metrics(std::uint32_t loops) : loops_{loops} {}
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// Only rises; its name ends in `_total`.
  [[nodiscard]] metric_counter& counter(std::string_view name, std::string_view help,
                                        const metric_labels& labels = {});
  /// Rises and falls.
  [[nodiscard]] metric_gauge& gauge(std::string_view name, std::string_view help,
                                    const metric_labels& labels = {});
  /// `bounds` rise; a last bucket without bound is added.
  [[nodiscard]] metric_histogram& histogram(std::string_view name, std::string_view help,
                                            std::vector<double> bounds, const metric_labels& labels = {});
  /// A number that is looked up at each scrape, on the scraping thread; `read` must not
  /// call the registry. A second one for the same name and labels replaces the first.
  void gauge_from(std::string_view name, std::string_view help, std::function<double()> read,
                  const metric_labels& labels = {});
  /// The same for one that only rises.
  void counter_from(std::string_view name, std::string_view help, std::function<double()> read,
                    const metric_labels& labels = {});

  /// Appends everything, families by name, as `text/plain; version=0.0.4`.
  void write(std::string& out) const;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

private:
  enum class family_type : std::uint8_t { counter, gauge, histogram };
  struct series {
    std::unique_ptr<metric_counter> counter;
    std::unique_ptr<metric_gauge> gauge;
    std::unique_ptr<metric_histogram> histogram;
    std::function<double()> read;
  };
  struct family {
    family_type type = family_type::counter;
    std::string help;
    /// By the labels' text: `kind="live"`.
    std::map<std::string, series> all;
  };

  series& find(family_type type, std::string_view name, std::string_view help, const metric_labels& labels);
  static void write_histogram(std::string& out, const std::string& name, const std::string& labels,
                              const metric_histogram& h);

  const std::uint32_t loops_;
  mutable std::mutex mutex_;
  std::map<std::string, family, std::less<>> families_;
};

} // namespace hubbub::broker
