#include "tools/report/campaign_pictures.h"

#include <algorithm>

#include "tools/report/plot.h"
#include "tools/report/statistics.h"

namespace stuckat::report {
namespace {

/// In one line; '|' is what separates them.
std::string name_of_dot(const Campaign& campaign, const FaultOutcome& fault) {
  std::string text = fault.name + ": " + fixed(accuracy(campaign, fault), 2) + " %";
  std::replace(text.begin(), text.end(), '|', '/');
  return text;
}

struct Mark {
  double x, y;
  std::string name;
};

/// Writes each name beside its mark, where it covers neither a mark nor a name if there is room:
/// right, left, above, below, and further off.
void name_marks(Drawing& drawing, const PlotArea& area, const std::vector<Mark>& marks) {
  struct Box {
    double left, top, right, bottom;
    bool meets(const Box& o) const {
      return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
    }
  };
  std::vector<Box> taken;
  for (const Mark& m : marks) taken.push_back({m.x - 8, m.y - 8, m.x + 8, m.y + 8});
  for (const Mark& m : marks) {
    const double width = 8.5 * static_cast<double>(m.name.size());
    const auto box = [&](bool left, double up) {
      const double from = left ? m.x - 13 - width : m.x + 13;
      return Box{from, m.y - 9 - up, from + width, m.y + 7 - up};
    };
    const auto fits = [&](const Box& b) {
      return b.left >= area.left && b.right <= area.right && b.top >= area.top &&
             b.bottom <= area.bottom &&
             std::none_of(taken.begin(), taken.end(), [&](const Box& o) { return b.meets(o); });
    };
    bool left = box(false, 0).right > area.right;
    double up = 0;
    for (const double tried : {0.0, 17.0, -17.0, 34.0, -34.0, 51.0}) {
      const bool on_right = fits(box(false, tried));
      if (!on_right && !fits(box(true, tried))) continue;
      left = !on_right;
      up = tried;
      break;
    }
    taken.push_back(box(left, up));
    drawing.text(m.x + (left ? -13 : 13), m.y + 4 - up, m.name, "name",
                 left ? Anchor::end : Anchor::start);
  }
}

std::string network_legend(const ReportInput& input, const Campaigns& campaigns) {
  std::vector<LegendEntry> entries;
  for (const Campaign* campaign : campaigns) {
    entries.push_back(
        {series(input, *campaign), campaign->network, network_index(input, campaign->network)});
  }
  return legend(entries);
}

}  // namespace

std::string series(const ReportInput& input, const Campaign& campaign) {
  return "s" + std::to_string(network_index(input, campaign.network) % 6);
}

std::string tip_of(const Campaign& campaign, const FaultOutcome& fault) {
  return campaign.network + ": " + fault.name + "\naccuracy " +
         fixed(accuracy(campaign, fault), 2) + " %, " + fixed(points_lost(campaign, fault), 2) +
         " points lost";
}

std::string figure(const std::string& title, const std::string& body, const std::string& caption,
                   const std::string& css_class) {
  return "<figure" + (css_class.empty() ? "" : " class=\"" + css_class + "\"") + ">\n<h4>" +
         escape(title) + "</h4>\n<div class=\"scroll\">" + body + "</div>\n<figcaption>" +
         escape(caption) + "</figcaption>\n</figure>\n";
}

std::string scatter(const ReportInput& input, const Campaigns& campaigns) {
  double low_x = 100, high_x = 0, low_y = 100, high_y = 0;
  for (const Campaign* campaign : campaigns) {
    const double golden = golden_accuracy(*campaign);
    const double worst = accuracy(*campaign, *extremes(*campaign).worst);
    low_x = std::min(low_x, golden);
    high_x = std::max(high_x, golden);
    low_y = std::min(low_y, worst);
    high_y = std::max({high_y, worst, golden});
  }
  const PlotArea area{58, 14, 470, 276};
  Drawing drawing(486, 322, "Minimum accuracy over error-free accuracy");
  Axis x{nice_scale(low_x - 0.5, high_x + 0.5, 4, 5), {}, "error-free accuracy, %"};
  x.scale.from = area.left;
  x.scale.to = area.right;
  x.ticks = nice_ticks(x.scale.low, x.scale.high, 5);
  Axis y{nice_scale(low_y, high_y, 4, 6), {}, "accuracy under the worst fault, %"};
  y.scale.from = area.bottom;
  y.scale.to = area.top;
  y.ticks = nice_ticks(y.scale.low, y.scale.high, 6);
  draw_axes(drawing, area, x, y);
  const double low = std::max(x.scale.low, y.scale.low);
  const double high = std::min(x.scale.high, y.scale.high);
  std::vector<Mark> marks;
  if (low < high) drawing.line(x.scale(low), y.scale(low), x.scale(high), y.scale(high), "ideal");
  for (const Campaign* campaign : campaigns) {
    const FaultOutcome& worst = *extremes(*campaign).worst;
    const double golden = golden_accuracy(*campaign);
    const double at_x = x.scale(golden);
    const double at_y = y.scale(accuracy(*campaign, worst));
    const std::string colour = series(input, *campaign);
    if (golden <= y.scale.high) drawing.line(at_x, y.scale(golden), at_x, at_y, "drop " + colour);
    drawing.marker(network_index(input, campaign->network), at_x, at_y, 7, "point " + colour,
                   "error-free " + fixed(golden, 2) + " %\n" + tip_of(*campaign, worst));
    marks.push_back({at_x, at_y, shortened(campaign->network, 24)});
  }
  name_marks(drawing, area, marks);
  return figure("Minimum and error-free accuracy", network_legend(input, campaigns) + drawing.str(),
                "Up and to the right is better. On the dashed line a network loses nothing; the "
                "thin line down to each mark is what its worst fault costs.");
}

std::string sorted_curves(const ReportInput& input, const Campaigns& campaigns) {
  double worst = 0, best = 0;
  size_t most = 2;
  for (const Campaign* campaign : campaigns) {
    const std::vector<double> losses = sorted_losses(*campaign);
    worst = std::max(worst, losses.front());
    best = std::min(best, losses.back());
    most = std::max(most, losses.size());
  }
  const PlotArea area{58, 14, 462, 276};
  Drawing drawing(486, 322, "Accuracy lost by every fault, sorted");
  Axis x{{1, static_cast<double>(most), area.left, area.right, true}, {}, "rank of the fault"};
  for (double tick = 1; tick <= static_cast<double>(most); tick *= 10) x.ticks.push_back(tick);
  Axis y{nice_scale(best, worst, 2, 6), {}, "accuracy lost, points"};
  y.scale.from = area.bottom;
  y.scale.to = area.top;
  y.ticks = nice_ticks(y.scale.low, y.scale.high, 6);
  draw_axes(drawing, area, x, y);
  if (y.scale.low < 0) drawing.line(area.left, y.scale(0), area.right, y.scale(0), "axis");
  for (const Campaign* campaign : campaigns) {
    const std::vector<double> losses = sorted_losses(*campaign);
    std::string data = "M";
    double last = -1;
    for (size_t i = 0; i < losses.size(); ++i) {
      const double at = x.scale(static_cast<double>(i) + 1);
      if (i > 0 && i + 1 < losses.size() && at - last < 0.5) continue;  // finer than a pixel
      data += (i > 0 ? "L" : "") + coordinate(at) + " " + coordinate(y.scale(losses[i]));
      last = at;
    }
    const int index = network_index(input, campaign->network);
    const std::string colour = series(input, *campaign);
    drawing.path(data, "curve " + colour);
    drawing.marker(index, area.left, y.scale(losses.front()), 5, "point " + colour,
                   tip_of(*campaign, *extremes(*campaign).worst));
  }
  return figure("What each fault costs, worst first",
                network_legend(input, campaigns) + drawing.str(),
                "Rank 1 is the most harmful fault. The scale is logarithmic, to tell the worst "
                "faults apart.");
}

std::string strips(const ReportInput& input, const Campaigns& campaigns) {
  double low = 100, high = 0;
  for (const Campaign* campaign : campaigns) {
    const Extremes ends = extremes(*campaign);
    low = std::min(low, accuracy(*campaign, *ends.worst));
    high = std::max({high, accuracy(*campaign, *ends.best), golden_accuracy(*campaign)});
  }
  const std::vector<Campaign::Group>& groups = campaigns.front()->groups;
  const PlotArea area{58, 14, 1064, 290};
  Drawing drawing(1072, 334, "Accuracy under every fault, by layer");
  Axis x;
  x.label = (campaigns.front()->kind == "chip" ? "where the faults are; from left to right: "
                                               : "layer; from left to right in each: its ") +
            campaigns.front()->kind + "s";
  Axis y{nice_scale(low, high, 4, 7), {}, "accuracy, %"};
  y.scale.from = area.bottom;
  y.scale.to = area.top;
  y.ticks = nice_ticks(y.scale.low, y.scale.high, 7);
  draw_axes(drawing, area, x, y);
  const double band = (area.right - area.left) / static_cast<double>(groups.size());
  const double strip = (band - 14) / static_cast<double>(campaigns.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    const double start = area.left + band * static_cast<double>(g);
    if (g > 0) drawing.line(start, area.top, start, area.bottom, "grid");
    drawing.text(start + band / 2, area.bottom + 16,
                 shortened(groups[g].name, std::max(4, static_cast<int>(band / 7))), "tick",
                 Anchor::middle, groups[g].name);
    for (size_t c = 0; c < campaigns.size(); ++c) {
      const Campaign& campaign = *campaigns[c];
      const std::string colour = series(input, campaign);
      const double left = start + 7 + strip * static_cast<double>(c);
      const double golden = y.scale(golden_accuracy(campaign));
      drawing.line(left, golden, left + strip, golden, "golden " + colour);
      const int units = std::max(1, groups[g].units);
      const auto position = [&](const FaultOutcome& fault) {
        return left + 3 + (strip - 6) * (fault.unit + 0.5) / units;
      };
      std::string dots;
      std::vector<std::string> names;
      for (const FaultOutcome& fault : campaign.faults) {
        if (fault.group != static_cast<int>(g)) continue;
        names.push_back(name_of_dot(campaign, fault));
        dots += "M" + coordinate(position(fault)) + " " +
                coordinate(y.scale(accuracy(campaign, fault))) + "h0";
      }
      if (dots.empty()) continue;
      constexpr size_t most_names = 3000;  // of one layer: a page stays a page
      if (names.size() > most_names) names.clear();
      drawing.dots(dots, "dots " + colour, names);
      const FaultOutcome& worst = *extremes(campaign, static_cast<int>(g)).worst;
      drawing.marker(network_index(input, campaign.network), position(worst),
                     y.scale(accuracy(campaign, worst)), 4, "point " + colour,
                     tip_of(campaign, worst));
    }
  }
  const bool chips = campaigns.front()->kind == "chip";
  return figure(chips ? "Every chip" : "Every single fault, by layer",
                network_legend(input, campaigns) + drawing.str(),
                std::string("Each dot is one ") + (chips ? "chip" : "fault") +
                    ": point at it, or go there with Tab and the arrow keys, and its name is "
                    "shown. The line is the accuracy without faults; the mark is the worst" +
                    (chips ? "." : " fault of the layer."),
                "wide");
}

std::string yield_curves(const ReportInput& input, const Campaigns& campaigns) {
  double low = 100, high = 0;
  for (const Campaign* campaign : campaigns) {
    low = std::min(low, accuracy(*campaign, *extremes(*campaign).worst));
    high = std::max(
        {high, golden_accuracy(*campaign), accuracy(*campaign, *extremes(*campaign).best)});
  }
  const PlotArea area{58, 14, 462, 276};
  Drawing drawing(486, 322, "Share of chips with at least an accuracy");
  Axis x{nice_scale(low, high, 2, 6), {}, "accuracy, %"};
  x.scale.from = area.left;
  x.scale.to = area.right;
  x.ticks = nice_ticks(x.scale.low, x.scale.high, 6);
  Axis y{{0, 100, area.bottom, area.top, false}, {0, 20, 40, 60, 80, 100}, "chips, %"};
  draw_axes(drawing, area, x, y);
  for (const Campaign* campaign : campaigns) {
    std::vector<double> accuracies;
    for (const FaultOutcome& chip : campaign->faults) {
      accuracies.push_back(accuracy(*campaign, chip));
    }
    std::sort(accuracies.begin(), accuracies.end());
    const auto chips = static_cast<double>(accuracies.size());
    std::string data = "M" + coordinate(area.left) + " " + coordinate(y.scale(100));
    for (size_t i = 0; i < accuracies.size(); ++i) {
      const std::string at = coordinate(x.scale(accuracies[i]));
      data += "L" + at + " " + coordinate(y.scale(100 * (chips - static_cast<double>(i)) / chips)) +
              "L" + at + " " +
              coordinate(y.scale(100 * (chips - static_cast<double>(i) - 1) / chips));
    }
    drawing.path(data, "curve " + series(input, *campaign));
    const double golden = x.scale(golden_accuracy(*campaign));
    drawing.line(golden, area.top, golden, area.bottom, "golden " + series(input, *campaign));
  }
  return figure(
      "Yield: chips with at least this accuracy", network_legend(input, campaigns) + drawing.str(),
      "At an accuracy that is asked for, the curve says which share of the chips keeps it. "
      "The upright lines are the accuracies without faults.");
}

}  // namespace stuckat::report
