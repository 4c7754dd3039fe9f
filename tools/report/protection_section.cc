// What can be done about it: worst-case error against cost (FAT, figure 9), by the paper's cost and
// by what the folded accelerator gets, a curve for each network and measure.
#include <algorithm>
#include <cmath>
#include <map>

#include "tools/report/plot.h"
#include "tools/report/sections.h"

namespace stuckat::report {
namespace {

using Point = Protection::Point;

/// One measure of one network: a step curve where it has several points, else a mark.
struct Series {
  std::string label;
  std::vector<const Point*> points;
};

struct PlottedQuantity {
  std::string label;
  double (*of)(const Point&);
};

std::vector<Series> series_of(const std::vector<const Protection*>& group) {
  std::vector<Series> all;
  for (const Protection* protection : group) {
    for (const Point& point : protection->points) {
      const std::string label = protection->network + ": " + point.measure;
      if (all.empty() || all.back().label != label) all.push_back({label, {}});
      all.back().points.push_back(&point);
    }
  }
  return all;
}

Axis axis_of(const std::vector<Series>& all, const std::string& label, double least, double from,
             double to, double (*of)(const Point&)) {
  double low = of(*all.front().points.front());
  double high = low;
  for (const Series& series : all) {
    for (const Point* point : series.points) {
      low = std::min(low, of(*point));
      high = std::max(high, of(*point));
    }
  }
  Axis axis{nice_scale(low, high, least, 5), {}, label};
  axis.scale.from = from;
  axis.scale.to = to;
  axis.ticks = nice_ticks(axis.scale.low, axis.scale.high, 5);
  return axis;
}

std::string tip(const Series& series, const Point& point) {
  return series.label + (point.detail.empty() ? "" : ", " + point.detail) + "\n" +
         fixed(point.worst_error, 2) + " % at worst, " + fixed(point.mean_error, 2) +
         " % in the mean\ncost " + fixed(point.macs, 3) + ", " + grouped(point.pes) + " PEs and " +
         grouped(point.memory_bits) + " memory bits more";
}

std::string figure(const std::vector<Series>& all, const PlottedQuantity& x) {
  const PlotArea area{64, 12, 484, 270};
  const Axis x_axis = axis_of(all, x.label, 0.1, area.left, area.right, x.of);
  const Axis y_axis = axis_of(all, "worst-case error, %", 1, area.bottom, area.top,
                              [](const Point& p) { return p.worst_error; });
  Drawing drawing(520, 314, "worst-case error against " + x.label);
  draw_axes(drawing, area, x_axis, y_axis);
  for (size_t s = 0; s < all.size(); ++s) {
    const Series& series = all[s];
    if (series.points.size() > 1) {
      std::string data;
      double last = -1;
      double last_error = -1;
      for (const Point* point : series.points) {
        const double at = x_axis.scale(x.of(*point));
        const bool end = point == series.points.back();
        if (!data.empty() && !end && point->worst_error == last_error && at - last < 0.5) continue;
        data += (data.empty()
                     ? "M" + coordinate(at) + " " + coordinate(y_axis.scale(point->worst_error))
                     : "H" + coordinate(at) + "V" + coordinate(y_axis.scale(point->worst_error)));
        last = at;
        last_error = point->worst_error;
      }
      drawing.path(data, "curve " + series_class(s));
    }
    // Marks where the worst case falls, as far as they do not cover each other.
    double marked = -100;
    double error = -1;
    for (const Point* point : series.points) {
      const double at = x_axis.scale(x.of(*point));
      const bool falls = point->worst_error != error && at - marked >= 9;
      if (!falls && series.points.size() > 1 && point != series.points.front()) continue;
      drawing.marker(static_cast<int>(s), at, y_axis.scale(point->worst_error), 4,
                     "point " + series_class(s), tip(series, *point));
      marked = at;
      error = point->worst_error;
    }
  }
  return "<figure>\n<h4>Worst-case error <small>against " + escape(x.label) +
         "</small></h4>\n<div class=\"scroll\">" + drawing.str() + "</div>\n</figure>\n";
}

/// The cheapest of each network for some targets.
std::string target_table(const std::vector<const Protection*>& group) {
  std::string head =
      "<th>network</th><th class=\"n\">error-free, %</th><th class=\"n\">worst, %</th>";
  constexpr double losses[] = {20, 10, 5, 2, 1};
  for (const double loss : losses) {
    head += "<th class=\"n\">at most " + coordinate(loss) + " points lost</th>";
  }
  std::string rows;
  for (const Protection* protection : group) {
    const auto plain = std::max_element(
        protection->points.begin(), protection->points.end(),
        [](const Point& a, const Point& b) { return a.worst_error < b.worst_error; });
    rows += "<tr><th>" + escape(protection->network) + "</th>" +
            number_cell(fixed(protection->error_free, 2)) +
            number_cell(fixed(plain->worst_error, 2));
    for (const double loss : losses) {
      const Point* best = nullptr;
      for (const Point& point : protection->points) {
        if (point.worst_error > protection->error_free + loss + 1e-9) continue;
        if (best == nullptr || point.macs < best->macs) best = &point;
      }
      rows += number_cell(best == nullptr ? "-"
                                          : best->measure + ", cost " + fixed(best->macs, 3) +
                                                (best->detail.empty() ? "" : ", " + best->detail));
    }
    rows += "</tr>\n";
  }
  return "<div class=\"scroll\"><table><thead><tr>" + head + "</tr></thead>\n<tbody>" + rows +
         "</tbody></table></div>\n";
}

}  // namespace

std::string protection_section(const ReportInput& input) {
  if (input.protections.empty()) return {};
  const PlottedQuantity quantities[] = {
      {"cost, times the unrolled network", [](const Point& p) { return p.macs; }},
      {"PEs added", [](const Point& p) { return static_cast<double>(p.pes); }},
      {"memory added, kilobits",
       [](const Point& p) { return static_cast<double>(p.memory_bits) / 1000; }}};
  // Networks under the same kind of fault side by side.
  std::map<std::string, std::vector<const Protection*>> groups;
  for (const Protection& p : input.protections) {
    if (!p.points.empty()) groups[p.evidence + " on " + p.accelerator].push_back(&p);
  }
  std::string text =
      "<section id=\"protection\">\n<h2>What can be done about it</h2>\n"
      "<p>Each point is a way to protect: what the worst fault of the campaign then costs, and "
      "what "
      "the protection takes.</p>\n";
  for (const auto& [name, group] : groups) {
    const std::vector<Series> all = series_of(group);
    std::vector<LegendEntry> entries;
    for (size_t s = 0; s < all.size(); ++s) {
      entries.push_back({series_class(s), all[s].label, static_cast<int>(s)});
    }
    text += "<article>\n<h3>Faults: " + escape(name) + "</h3>\n" + legend(entries) +
            "<div class=\"figures\">\n";
    for (const PlottedQuantity& quantity : quantities) text += figure(all, quantity);
    text += "</div>\n" + target_table(group) + "</article>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
