// The design space: each accelerator a mark, those that no other beats filled and in a table.
#include <algorithm>
#include <cmath>
#include <functional>

#include "tools/report/plot.h"
#include "tools/report/sections.h"

namespace stuckat::report {
namespace {

using Design = Exploration::Design;

struct Quantity {
  const char* label;
  bool logarithmic;
  std::function<double(const Design&)> of;
};

/// Powers of ten around low .. high, as scale and ticks.
Axis decades(double low, double high, double from, double to, const std::string& label) {
  const double first = std::floor(std::log10(low) + 1e-9);
  const double last = std::max(std::ceil(std::log10(high) - 1e-9), first + 1);
  Axis axis{{std::pow(10.0, first), std::pow(10.0, last), from, to, true}, {}, label};
  for (double power = first; power <= last; ++power) axis.ticks.push_back(std::pow(10.0, power));
  return axis;
}

Axis axis_of(const Quantity& quantity, const std::vector<const Design*>& designs, double from,
             double to) {
  double low = quantity.of(*designs.front());
  double high = low;
  for (const Design* design : designs) {
    low = std::min(low, quantity.of(*design));
    high = std::max(high, quantity.of(*design));
  }
  if (quantity.logarithmic) return decades(low, high, from, to, quantity.label);
  Axis axis{nice_scale(low, high, high == 0 ? 1 : 0.02 * high, 5), {}, quantity.label};
  axis.scale.from = from;
  axis.scale.to = to;
  axis.ticks = nice_ticks(axis.scale.low, axis.scale.high, 5);
  return axis;
}

std::string rate(double frames_per_second) {
  return frames_per_second < 1000 ? fixed(frames_per_second, 1)
                                  : grouped(std::llround(frames_per_second));
}

std::string tip(const Design& design) {
  std::string text = design.name + "\n" + rate(design.frames_per_second) + " frames per second, " +
                     grouped(design.pes) + " PEs with " + grouped(design.multipliers) +
                     " multipliers, " + grouped(design.memory_bits) + " memory bits";
  if (design.luts > 0) {
    text += "\nFINN's estimate: " + grouped(design.luts) + " LUTs and " + grouped(design.bram18) +
            " RAMB18 of weights, or " + grouped(design.dsps) + " DSPs for the multipliers";
  }
  if (design.worst_accuracy >= 0) {
    text += "\n" + fixed(design.worst_accuracy, 2) + " % with the worst dead PE";
  }
  return text;
}

std::vector<LegendEntry> marks(const Exploration& exploration) {
  std::vector<LegendEntry> entries;
  for (const auto& family : exploration.families) {
    const auto index = static_cast<int>(entries.size());
    entries.push_back({series_class(entries.size()), family + ", beaten by none", index});
  }
  entries.push_back({"unknown", "another is at least as good in everything", 0});
  return entries;
}

std::string scatter(const std::vector<const Design*>& designs, const Quantity& x,
                    const Quantity& y) {
  const PlotArea area{74, 12, 494, 270};
  const Axis x_axis = axis_of(x, designs, area.left, area.right);
  const Axis y_axis = axis_of(y, designs, area.bottom, area.top);
  Drawing drawing(520, 314, std::string(y.label) + " against " + x.label);
  draw_axes(drawing, area, x_axis, y_axis);
  for (const bool pareto : {false, true}) {  // the best ones on top
    for (const Design* design : designs) {
      if (design->pareto != pareto) continue;
      drawing.marker(design->family, x_axis.scale(x.of(*design)), y_axis.scale(y.of(*design)), 4.5,
                     pareto ? series_class(static_cast<size_t>(design->family)) : "unknown",
                     tip(*design));
    }
  }
  return "<figure>\n<h4>" + escape(y.label) + " <small>against " + escape(x.label) +
         "</small></h4>\n<div class=\"scroll\">" + drawing.str() + "</div>\n</figure>\n";
}

std::string number_cell(const std::string& text) {
  return "<td class=\"n\">" + escape(text) + "</td>";
}

std::string estimate_cell(int64_t value) { return number_cell(value == 0 ? "-" : grouped(value)); }

/// Fastest first.
std::string best_table(const Exploration& exploration) {
  std::vector<const Design*> best;
  for (const Design& design : exploration.designs) {
    if (design.pareto) best.push_back(&design);
  }
  std::stable_sort(best.begin(), best.end(), [](const Design* a, const Design* b) {
    return a->frames_per_second > b->frames_per_second;
  });
  const bool examined =
      std::any_of(best.begin(), best.end(), [](const Design* d) { return d->worst_accuracy >= 0; });
  std::string rows;
  for (const Design* design : best) {
    rows += "<tr><th>" + escape(design->name) + "</th>" +
            number_cell(rate(design->frames_per_second)) + number_cell(grouped(design->pes)) +
            number_cell(grouped(design->multipliers)) + number_cell(grouped(design->memory_bits)) +
            estimate_cell(design->luts) + estimate_cell(design->bram18) +
            estimate_cell(design->dsps);
    if (examined) {
      rows += number_cell(design->worst_accuracy < 0 ? "-" : fixed(design->worst_accuracy, 2));
    }
    rows += "</tr>\n";
  }
  constexpr size_t shown_at_once = 25;
  return std::string(best.size() <= shown_at_once ? "<details open=\"open\">" : "<details>") +
         "<summary>Beaten by no other: " + grouped(static_cast<int64_t>(best.size())) +
         "</summary>\n<div class=\"scroll\"><table class=\"data\"><thead><tr><th>accelerator</th>"
         "<th class=\"n\">frames per second</th><th class=\"n\">PEs</th>"
         "<th class=\"n\">multipliers</th><th class=\"n\">memory bits</th><th class=\"n\">LUTs</th>"
         "<th class=\"n\">RAMB18</th><th class=\"n\">or DSPs</th>" +
         (examined ? "<th class=\"n\">% with the worst dead PE</th>" : "") +
         "</tr></thead>\n<tbody>" + rows +
         "</tbody></table></div><p>A design beats another that is no faster and takes "
         "no fewer multipliers or memory bits. LUTs, RAMB18 and DSPs: FINN's estimates for the "
         "matrix-vector units of dataflow accelerators (FINN-R, 2018), with multipliers in LUTs or "
         "instead in DSPs.</p></details>\n";
}

}  // namespace

std::string exploration_section(const ReportInput& input) {
  if (input.explorations.empty()) return {};
  const Quantity speed{"frames per second", true,
                       [](const Design& d) { return d.frames_per_second; }};
  const Quantity multipliers{"multipliers", true,
                             [](const Design& d) { return static_cast<double>(d.multipliers); }};
  const Quantity memory{"memory, megabits", false,
                        [](const Design& d) { return static_cast<double>(d.memory_bits) / 1e6; }};
  const Quantity worst{"accuracy with the worst dead PE, %", false,
                       [](const Design& d) { return d.worst_accuracy; }};
  std::string text = "<section id=\"designs\">\n<h2>Design space</h2>\n";
  for (const Exploration& exploration : input.explorations) {
    std::vector<const Design*> all;
    std::vector<const Design*> examined;
    for (const Design& design : exploration.designs) {
      all.push_back(&design);
      if (design.worst_accuracy >= 0) examined.push_back(&design);
    }
    if (all.empty()) continue;
    const std::string of = exploration.architecture.empty() ? "" : exploration.architecture + ", ";
    text += "<article>\n<h3>" + escape(exploration.network) + " <small>" + escape(of) +
            count_of(static_cast<int64_t>(all.size()), "accelerator") + "</small></h3>\n" +
            legend(marks(exploration)) + "<div class=\"figures\">\n" +
            scatter(all, speed, multipliers) + scatter(all, speed, memory);
    if (!examined.empty()) {
      text += scatter(examined, speed, worst) + scatter(examined, multipliers, worst);
    }
    text += "</div>\n" + best_table(exploration) + "</article>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
