// Broken memories: what lots of chips with broken cells lose, how sharp the networks' minima are,
// and how many of their activations are 0.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "tools/report/plot.h"
#include "tools/report/sections.h"

namespace stuckat::report {
namespace {

using Row = MemoryLots::Row;

/// One network's lots, over rates or over memories.
struct Series {
  std::string label;
  std::vector<std::pair<size_t, const Row*>> points;  ///< place on the x axis
};

std::string rate_text(double rate) {
  std::string digits = fixed(100 * rate, 6);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits + " %";
}

/// Where the text stands in `places`, which it is added to if it is new.
size_t place_of(std::vector<std::string>& places, const std::string& text) {
  const auto at = std::find(places.begin(), places.end(), text);
  if (at != places.end()) return static_cast<size_t>(at - places.begin());
  places.push_back(text);
  return places.size() - 1;
}

std::string tip(const Series& series, const Row& row) {
  return series.label + ", " + (row.group == "all" ? "" : row.group + ", ") + rate_text(row.rate) +
         "\n" + fixed(row.mean, 2) + " % on average (" + fixed(row.low, 2) + " to " +
         fixed(row.high, 2) + "), 5 % of the chips at most " + fixed(row.quantile5, 2) +
         " %, worst " + fixed(row.worst, 2) + " %\n" + count_of(row.chips, "chip") + ", " +
         fixed(row.broken_cells, 1) + " broken cells of each on average";
}

/// Means, with a line down to what 5 % of the chips do not exceed; connected where places are
/// rates.
std::string figure(const std::vector<Series>& all, const std::vector<std::string>& places,
                   bool connected, const std::string& title, const std::string& x_label) {
  double low = 100;
  double high = 0;
  for (const Series& series : all) {
    for (const auto& [place, row] : series.points) {
      low = std::min(low, row->quantile5);
      high = std::max(high, row->mean);
    }
  }
  const double width = std::max(440.0, 84.0 * static_cast<double>(places.size()));
  const PlotArea area{52, 12, 52 + width, 250};
  Axis y{nice_scale(low, high, 1, 5), {}, "accuracy, %"};
  y.scale.from = area.bottom;
  y.scale.to = area.top;
  y.ticks = nice_ticks(y.scale.low, y.scale.high, 5);
  const double step = width / static_cast<double>(places.size());
  Axis x{{0, static_cast<double>(places.size()), area.left, area.right}, {}, x_label};
  Drawing drawing(area.right + 24, area.bottom + 44, title);
  draw_axes(drawing, area, x, y);
  for (size_t i = 0; i < places.size(); ++i) {
    drawing.text(area.left + (static_cast<double>(i) + 0.5) * step, area.bottom + 16,
                 shortened(places[i], static_cast<int>(step / 7)), "tick", Anchor::middle,
                 places[i]);
  }
  // Networks side by side, so that none covers another.
  const auto count = static_cast<double>(all.size());
  const double apart = std::min(8.0, 0.6 * step / count);
  const auto x_of = [&](size_t place, size_t s) {
    return area.left + (static_cast<double>(place) + 0.5) * step +
           (static_cast<double>(s) - (count - 1) / 2) * apart;
  };
  for (size_t s = 0; s < all.size(); ++s) {
    std::string curve;
    for (const auto& [place, row] : all[s].points) {
      const double at = x_of(place, s);
      curve += (curve.empty() ? "M" : "L") + coordinate(at) + " " + coordinate(y.scale(row->mean));
      drawing.path("M" + coordinate(at) + " " + coordinate(y.scale(row->mean)) + "V" +
                       coordinate(y.scale(row->quantile5)),
                   "curve " + series_class(s));
    }
    if (connected) drawing.path(curve, "curve " + series_class(s));
  }
  for (size_t s = 0; s < all.size(); ++s) {
    for (const auto& [place, row] : all[s].points) {
      drawing.marker(static_cast<int>(s), x_of(place, s), y.scale(row->mean), 4,
                     "point " + series_class(s), tip(all[s], *row));
    }
  }
  constexpr size_t narrow = 6;
  return std::string(places.size() > narrow ? "<figure class=\"wide\">" : "<figure>") + "\n<h4>" +
         escape(title) + "</h4>\n<div class=\"scroll\">" + drawing.str() +
         "</div>\n<figcaption>Lines go down to what 5 % of the chips do not exceed.</figcaption>\n"
         "</figure>\n";
}

std::string lots_table(const std::vector<const MemoryLots*>& group) {
  std::string rows;
  for (const MemoryLots* lots : group) {
    for (const Row& row : lots->rows) {
      rows += "<tr><th>" + escape(lots->network) + "</th><td>" + escape(row.group) + "</td>" +
              number_cell(rate_text(row.rate)) + number_cell(fixed(row.broken_cells, 1)) +
              number_cell(grouped(row.chips)) + number_cell(fixed(lots->error_free, 2)) +
              number_cell(fixed(row.mean, 2)) +
              number_cell(fixed(row.low, 2) + " to " + fixed(row.high, 2)) +
              number_cell(fixed(row.quantile5, 2)) + number_cell(fixed(row.worst, 2)) + "</tr>\n";
    }
  }
  return "<div class=\"scroll\"><table><thead><tr><th>network</th><th>memories</th>"
         "<th class=\"n\">broken</th><th class=\"n\">cells of a chip</th><th class=\"n\">chips</th>"
         "<th class=\"n\">without faults, %</th><th class=\"n\">mean, %</th>"
         "<th class=\"n\">95 % of the mean</th><th class=\"n\">5 % of the chips, %</th>"
         "<th class=\"n\">worst, %</th></tr></thead>\n<tbody>" +
         rows + "</tbody></table></div>\n";
}

/// Networks whose memories broke alike, on the same images.
std::string lots_article(const std::vector<const MemoryLots*>& group) {
  std::vector<std::string> rates;
  std::vector<std::string> memories;
  std::vector<double> apart;  // rates at which memories broke one at a time
  for (const MemoryLots* lots : group) {
    for (const Row& row : lots->rows) {
      if (row.group == "all") {
        place_of(rates, rate_text(row.rate));
      } else {
        place_of(memories, row.group);
        if (std::find(apart.begin(), apart.end(), row.rate) == apart.end())
          apart.push_back(row.rate);
      }
    }
  }
  const auto series = [&](std::vector<std::string>& places, bool by_rate, double rate) {
    std::vector<Series> all;
    for (const MemoryLots* lots : group) {
      Series& one = all.emplace_back(Series{lots->network, {}});
      for (const Row& row : lots->rows) {
        if ((row.group == "all") != by_rate || (!by_rate && row.rate != rate)) continue;
        one.points.emplace_back(place_of(places, by_rate ? rate_text(row.rate) : row.group), &row);
      }
    }
    return all;
  };
  std::vector<LegendEntry> entries;
  for (size_t s = 0; s < group.size(); ++s) {
    entries.push_back({series_class(s), group[s]->network, static_cast<int>(s)});
  }
  const MemoryLots& first = *group.front();
  std::string text = "<article>\n<h3>" + escape(first.what) + " <small>" + escape(first.data) +
                     "</small></h3>\n" + legend(entries) + "<div class=\"figures\">\n";
  if (!rates.empty()) {
    text += figure(series(rates, true, 0), rates, true, "All memories", "probability of breaking");
  }
  for (const double rate : apart) {
    text += figure(series(memories, false, rate), memories, false,
                   "One at a time, " + rate_text(rate) + " broken", "memories");
  }
  return text + "</div>\n" + lots_table(group) + "</article>\n";
}

std::string spread_cell(const MeanDeviation& spread) {
  return number_cell(fixed(spread.mean, 3) + " ± " + fixed(spread.deviation, 3));
}

std::string sharpness_article(const std::vector<Sharpness>& all) {
  std::string rows;
  for (const Sharpness& s : all) {
    rows += "<tr><th>" + escape(s.network) + "</th><td>" + escape(s.data) + "</td>" +
            number_cell(fixed(s.loss, 4)) + number_cell(fixed(s.ascent_loss - s.loss, 4)) +
            number_cell(fixed(s.rho, 2)) + spread_cell(s.top_eigenvalue) + spread_cell(s.trace) +
            "</tr>\n";
  }
  return "<article>\n<h3>Sharpness</h3>\n<p>How fast the loss rises around a network: at the "
         "ascent "
         "point, and by the Hessian's greatest eigenvalue and trace (mean ± deviation over starts "
         "and probes).</p>\n<div class=\"scroll\"><table><thead><tr><th>network</th><th>images</th>"
         "<th class=\"n\">loss</th><th class=\"n\">higher at the ascent point</th>"
         "<th class=\"n\">its radius</th><th class=\"n\">greatest eigenvalue</th>"
         "<th class=\"n\">trace</th></tr></thead>\n<tbody>" +
         rows + "</tbody></table></div>\n</article>\n";
}

std::string zeros_article(const std::vector<Zeros>& all) {
  std::vector<std::string> layers;
  for (const Zeros& zeros : all) {
    for (const auto& [layer, share] : zeros.layers) place_of(layers, layer);
  }
  std::string head = "<th>network</th><th>images</th>";
  for (const std::string& layer : layers) head += "<th class=\"n\">" + escape(layer) + "</th>";
  std::string rows;
  for (const Zeros& zeros : all) {
    rows += "<tr><th>" + escape(zeros.network) + "</th><td>" + escape(zeros.data) + "</td>";
    for (const std::string& layer : layers) {
      const auto of = std::find_if(zeros.layers.begin(), zeros.layers.end(),
                                   [&](const auto& entry) { return entry.first == layer; });
      rows += number_cell(of == zeros.layers.end() ? "-" : fixed(of->second, 1));
    }
    rows += "</tr>\n";
  }
  return "<article>\n<h3>Zeros among activations <small>in percent, layer by "
         "layer</small></h3>\n<div class=\"scroll\"><table><thead><tr>" +
         head + "</tr></thead>\n<tbody>" + rows + "</tbody></table></div>\n</article>\n";
}

}  // namespace

std::string memory_sentence(const MemoryLots& lots) {
  for (const Row& row : lots.rows) {
    if (row.group != "all" || lots.error_free - row.mean < 1) continue;
    return "Chips of \"" + lots.network + "\" with " + rate_text(row.rate) +
           " of the cells broken (" + lots.what + ") lose " + fixed(lots.error_free - row.mean, 1) +
           " points on average; 5 % of them lose " + fixed(lots.error_free - row.quantile5, 1) +
           " or more.";
  }
  return {};
}

std::string memory_section(const ReportInput& input) {
  if (input.memories.empty() && input.sharpness.empty() && input.zeros.empty()) return {};
  std::map<std::pair<std::string, std::string>, std::vector<const MemoryLots*>> alike;
  for (const MemoryLots& lots : input.memories) alike[{lots.what, lots.data_hash}].push_back(&lots);
  std::string text =
      "<section id=\"memories\">\n<h2>Broken memories</h2>\n"
      "<p>Lots of chips, each with cells of its own that are broken; every chip on every image, "
      "exactly.</p>\n";
  for (const auto& [what, group] : alike) text += lots_article(group);
  if (!input.sharpness.empty()) text += sharpness_article(input.sharpness);
  if (!input.zeros.empty()) text += zeros_article(input.zeros);
  return text + "</section>\n";
}

}  // namespace stuckat::report
