#include "tools/report/plot.h"

#include <algorithm>
#include <cmath>

namespace stuckat::report {
namespace {

double nice_step(double width, int about) {
  const double rough = width / std::max(about, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power * 1.0001) return factor * power;
  }
  return 10 * power;
}

/// Decimals that tell neighbouring ticks apart.
int decimals_of(const std::vector<double>& ticks) {
  if (ticks.size() < 2) return 0;
  const double step = std::abs(ticks[1] - ticks[0]);
  return std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
}

std::string css_percent(double value) { return fixed(value, 2) + "%"; }

}  // namespace

std::vector<double> nice_ticks(double low, double high, int about) {
  if (!(high > low)) return {low};
  const double step = nice_step(high - low, about);
  std::vector<double> ticks;
  const double slack = step * 1e-6;
  for (auto i = static_cast<int64_t>(std::ceil((low - slack) / step));; ++i) {
    const double tick = static_cast<double>(i) * step;
    if (tick > high + slack) break;
    ticks.push_back(tick);
  }
  return ticks;
}

double Scale::operator()(double value) const {
  const double share =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

Scale nice_scale(double low, double high, double least, int about) {
  if (high - low < least) {
    const double middle = (low + high) / 2;
    low = middle - least / 2;
    high = middle + least / 2;
  }
  const double step = nice_step(high - low, about);
  Scale scale;
  scale.low = std::floor(low / step + 1e-6) * step;
  scale.high = std::ceil(high / step - 1e-6) * step;
  return scale;
}

std::string tick_label(double tick, int decimals) {
  constexpr struct {
    double factor;
    const char* letter;
  } large[] = {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}};
  for (const auto& [factor, letter] : large) {
    if (std::abs(tick) < factor * (1 - 1e-9)) continue;
    std::string digits = fixed(tick / factor, 3);  // 1.5 M, 100 M
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.ends_with('.')) digits.pop_back();
    return digits + letter;
  }
  if (decimals > 0 || std::abs(tick) < 0.5) return fixed(tick, decimals);
  return grouped(std::llround(tick));
}

void draw_axes(Drawing& drawing, const PlotArea& area, const Axis& x, const Axis& y) {
  constexpr double digit_width = 7;  // of the class "tick", generously
  constexpr double gap = 8;
  const int x_decimals = x.scale.logarithmic ? 0 : decimals_of(x.ticks);
  const int y_decimals = y.scale.logarithmic ? 0 : decimals_of(y.ticks);
  double free = -INFINITY;
  for (const double tick : x.ticks) {
    const double at = x.scale(tick);
    drawing.line(at, area.top, at, area.bottom, "grid");
    const std::string label = tick_label(tick, x_decimals);
    const double half = digit_width * static_cast<double>(label.size()) / 2;
    if (at - half < free) continue;
    drawing.text(at, area.bottom + 16, label, "tick", Anchor::middle);
    free = at + half + gap;
  }
  for (const double tick : y.ticks) {
    const double at = y.scale(tick);
    drawing.line(area.left, at, area.right, at, "grid");
    drawing.text(area.left - 7, at + 4, tick_label(tick, y_decimals), "tick", Anchor::end);
  }
  drawing.line(area.left, area.bottom, area.right, area.bottom, "axis");
  drawing.text((area.left + area.right) / 2, area.bottom + 36, x.label, "label", Anchor::middle);
  drawing.vertical_text(13, (area.top + area.bottom) / 2, y.label, "label");
}

std::string legend(const std::vector<LegendEntry>& entries) {
  std::string text = "<p class=\"legend\">";
  for (const LegendEntry& entry : entries) {
    text += "<span><svg class=\"mark\" viewBox=\"0 0 14 14\" aria-hidden=\"true\"><path d=\"" +
            marker_path(entry.shape, 7, 7, 5) + "\" class=\"" + entry.css_class + "\"/></svg>" +
            escape(entry.label) + "</span> ";
  }
  return text + "</p>\n";
}

std::string stacked_bar(const std::vector<BarPart>& parts, const std::string& description) {
  std::string text = "<svg class=\"bar\" role=\"img\" aria-label=\"" + escape(description) + "\">";
  double start = 0;
  for (const BarPart& part : parts) {
    if (part.percent > 0) {
      text += "<rect x=\"" + css_percent(start) + "\" y=\"0\" width=\"" +
              css_percent(part.percent) + "\" height=\"100%\" class=\"" + part.css_class +
              "\"><title>" + escape(part.tip) + "</title></rect>";
    }
    start += part.percent;
  }
  return text + "</svg>";
}

std::string series_class(size_t index) { return "s" + std::to_string(index % 6); }

std::string number_cell(const std::string& text) {
  return "<td class=\"n\">" + escape(text) + "</td>";
}

std::string tile(const std::string& value, const std::string& what, const std::string& more) {
  return "<div class=\"tile\"><b>" + escape(value) + "</b><span>" + escape(what) + "</span>" +
         (more.empty() ? "" : "<small>" + escape(more) + "</small>") + "</div>\n";
}

}  // namespace stuckat::report
