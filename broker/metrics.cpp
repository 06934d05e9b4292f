#include "broker/metrics.hpp"

#include <boost/assert.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace hubbub::broker {
namespace {

bool is_metric_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
}

std::string label_text(const metric_labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    BOOST_ASSERT_MSG(is_metric_name(name) && name.find(':') == std::string::npos, "not a label's name");
    if (!out.empty())
      out += ',';
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char text[32];
    auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out.append(text, end);
  }
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels,
                   const auto& value) {
  out.append(name).append(suffix);
  if (!labels.empty())
    out.append("{").append(labels).append("}");
  out += ' ';
  if constexpr (std::is_floating_point_v<std::decay_t<decltype(value)>>)
    append_number(out, value);
  else
    out += std::to_string(value);
  out += '\n';
}

} // namespace

metrics::series& metrics::find(family_type type, std::string_view name, std::string_view help,
                               const metric_labels& labels) {
  BOOST_ASSERT_MSG(is_metric_name(name), "not a metric's name");
  auto it = families_.find(name);
  if (it == families_.end())
    it = families_.emplace(std::string{name}, family{type, std::string{help}, {}}).first;
  BOOST_ASSERT_MSG(it->second.type == type, "one name cannot be two kinds of metric");
  return it->second.all[label_text(labels)];
}

metric_counter& metrics::counter(std::string_view name, std::string_view help, const metric_labels& labels) {
  std::lock_guard lock{mutex_};
  auto& s = find(family_type::counter, name, help, labels);
  if (!s.counter)
    s.counter = std::make_unique<metric_counter>(loops_);
  return *s.counter;
}

metric_gauge& metrics::gauge(std::string_view name, std::string_view help, const metric_labels& labels) {
  std::lock_guard lock{mutex_};
  auto& s = find(family_type::gauge, name, help, labels);
  if (!s.gauge)
    s.gauge = std::make_unique<metric_gauge>(loops_);
  return *s.gauge;
}

metric_histogram& metrics::histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                                     const metric_labels& labels) {
  BOOST_ASSERT_MSG(std::ranges::is_sorted(bounds), "a histogram's bounds must rise");
  std::lock_guard lock{mutex_};
  auto& s = find(family_type::histogram, name, help, labels);
  if (!s.histogram)
    s.histogram = std::make_unique<metric_histogram>(loops_, std::move(bounds));
  return *s.histogram;
}

void metrics::gauge_from(std::string_view name, std::string_view help, std::function<double()> read,
                         const metric_labels& labels) {
  std::lock_guard lock{mutex_};
  find(family_type::gauge, name, help, labels).read = std::move(read);
}

void metrics::counter_from(std::string_view name, std::string_view help, std::function<double()> read,
                           const metric_labels& labels) {
  std::lock_guard lock{mutex_};
  find(family_type::counter, name, help, labels).read = std::move(read);
}

void metrics::write_histogram(std::string& out, const std::string& name, const std::string& labels,
                              const metric_histogram& h) {
  const auto prefix = labels.empty() ? labels : labels + ",";
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < h.bounds().size(); ++i) {
    below += h.bucket(i);
    std::string bound;
    append_number(bound, h.bounds()[i]);
    append_sample(out, name, "_bucket", prefix + "le=\"" + bound + "\"", below);
  }
  below += h.bucket(h.bounds().size());
  append_sample(out, name, "_bucket", prefix + "le=\"+Inf\"", below);
  append_sample(out, name, "_sum", labels, h.sum());
  append_sample(out, name, "_count", labels, below);
}

void metrics::write(std::string& out) const {
  static constexpr std::string_view types[] = {"counter", "gauge", "histogram"};
  std::lock_guard lock{mutex_};
  for (const auto& [name, f] : families_) {
    out.append("# HELP ").append(name).append(" ");
    append_escaped(out, f.help, false);
    out.append("\n# TYPE ").append(name).append(" ").append(types[static_cast<int>(f.type)]).append("\n");
    for (const auto& [labels, s] : f.all) {
      if (s.read)
        append_sample(out, name, "", labels, s.read());
      else if (s.counter)
        append_sample(out, name, "", labels, s.counter->value());
      else if (s.gauge)
        append_sample(out, name, "", labels, s.gauge->value());
      else if (s.histogram)
        write_histogram(out, name, labels, *s.histogram);
    }
  }
}

} // namespace hubbub::broker
