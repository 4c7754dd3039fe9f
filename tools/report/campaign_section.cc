// Single faults: key figures, Fig. 3 and Table I of the FAT paper, and where the damage is.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "tools/report/plot.h"
#include "tools/report/sections.h"
#include "tools/report/statistics.h"

namespace stuckat::report {
namespace {

using Campaigns = std::vector<const Campaign*>;

std::string series(const ReportInput& input, const Campaign& campaign) {
  return "s" + std::to_string(network_index(input, campaign.network) % 6);
}

std::string tip_of(const Campaign& campaign, const FaultOutcome& fault) {
  return campaign.network + ": " + fault.name + "\naccuracy " +
         fixed(accuracy(campaign, fault), 2) + " %, " + fixed(points_lost(campaign, fault), 2) +
         " points lost";
}

/// In one line; '|' is what separates them.
std::string name_of_dot(const Campaign& campaign, const FaultOutcome& fault) {
  std::string text = fault.name + ": " + fixed(accuracy(campaign, fault), 2) + " %";
  std::replace(text.begin(), text.end(), '|', '/');
  return text;
}

/// Anchors of the table of the worst faults.
std::string worst_anchor(const Campaign& campaign) {
  std::string text = "worst-" + campaign.kind + "-" + campaign.network + "-" + campaign.accelerator;
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  }
  return text;
}

std::string network_legend(const ReportInput& input, const Campaigns& campaigns) {
  std::vector<LegendEntry> entries;
  for (const Campaign* campaign : campaigns) {
    entries.push_back(
        {series(input, *campaign), campaign->network, network_index(input, campaign->network)});
  }
  return legend(entries);
}

std::string figure(const std::string& title, const std::string& body, const std::string& caption,
                   const std::string& css_class = {}) {
  return "<figure" + (css_class.empty() ? "" : " class=\"" + css_class + "\"") + ">\n<h4>" +
         escape(title) + "</h4>\n<div class=\"scroll\">" + body + "</div>\n<figcaption>" +
         escape(caption) + "</figcaption>\n</figure>\n";
}

/// FAT, Fig. 3.
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
    const std::string name = shortened(campaign->network, 24);
    const bool left = at_x + 13 + 8.5 * static_cast<double>(name.size()) > area.right;
    drawing.text(at_x + (left ? -13 : 13), at_y + 4, name, "name",
                 left ? Anchor::end : Anchor::start);
  }
  return figure("Minimum and error-free accuracy", network_legend(input, campaigns) + drawing.str(),
                "Up and to the right is better. On the dashed line a network loses nothing; the "
                "thin line down to each mark is what its worst fault costs.");
}

/// Every fault of every network by what it costs, worst first, on a logarithmic rank.
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

/// Every fault as a dot: layers side by side, in each a strip for each network, in the order of
/// the units.
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
  x.label = "layer; from left to right in each: its " + campaigns.front()->kind + "s";
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
  return figure("Every single fault, by layer", network_legend(input, campaigns) + drawing.str(),
                "Each dot is one fault: point at it, or go there with Tab and the arrow keys, and "
                "its name is shown. The line is the accuracy without faults; the mark is the worst "
                "fault of the layer.",
                "wide");
}

std::string status_bars(const Campaigns& campaigns) {
  struct Kind {
    const char* css_class;
    const char* label;
  };
  constexpr std::array<Kind, 5> kinds = {{{"masked", "masked: no output ever differs"},
                                          {"tolerated", "tolerated: no prediction changes"},
                                          {"h2", "critical, costs less than 1 point"},
                                          {"h4", "critical, 1 to 10 points"},
                                          {"h6", "critical, 10 points and more"}}};
  std::vector<LegendEntry> entries;
  for (const Kind& kind : kinds) entries.push_back({kind.css_class, kind.label});
  entries.push_back({"h5", "pairs of fault and image: prediction changed"});
  std::string rows;
  for (const Campaign* campaign : campaigns) {
    const StatusCounts counts = statuses(*campaign);
    const std::array<int64_t, 5> faults = {counts.masked, counts.tolerated, counts.critical_below_1,
                                           counts.critical_below_10, counts.critical_rest};
    const std::array<int64_t, 3> images = {counts.image_masked, counts.image_tolerated,
                                           counts.image_critical};
    const auto row = [&](const std::string& what, const auto& values, const auto& labels) {
      int64_t total = 0;
      for (const int64_t value : values) total += value;
      std::vector<BarPart> parts;
      std::string numbers;
      for (size_t i = 0; i < values.size(); ++i) {
        const double share = 100.0 * static_cast<double>(values[i]) / static_cast<double>(total);
        const std::string number = grouped(values[i]) + " (" + fixed(share, 1) + " %)";
        parts.push_back({share, labels[i].css_class, std::string(labels[i].label) + ": " + number});
        numbers += (i > 0 ? ", " : "") + std::string(labels[i].label) + " " + number;
      }
      return "<tr><th scope=\"row\">" + escape(campaign->network) + "</th><td>" + what +
             "</td><td class=\"barcell\">" + stacked_bar(parts, numbers) + "</td><td class=\"n\">" +
             grouped(total) + "</td></tr>\n";
    };
    constexpr std::array<Kind, 3> image_kinds = {
        {{"masked", "masked"}, {"tolerated", "tolerated"}, {"h5", "prediction changed"}}};
    rows += row("faults", faults, kinds) + row("faults &#215; images", images, image_kinds);
  }
  return "<figure class=\"wide\"><h4>Masked, tolerated, critical</h4>" + legend(entries) +
         "<div class=\"scroll\"><table class=\"bars\">" + rows +
         "</table></div>\n<figcaption>A fault is counted by the worst that it does to any image. "
         "The other rows count every pair of a fault and an image.</figcaption>"
         "</figure>\n";
}

std::string cell(const Campaign& campaign, const FaultOutcome* fault, bool coloured) {
  if (!fault) return "<td class=\"n\">&#8211;</td>";
  const std::string colour =
      coloured ? " h h" + std::to_string(damage_class(points_lost(campaign, *fault))) : "";
  return "<td class=\"n" + colour + "\"><span title=\"" + escape(tip_of(campaign, *fault)) + "\">" +
         fixed(accuracy(campaign, *fault), 2) + "</span></td>";
}

/// Chips of fault maps have no level.
std::string stuck_at(const std::string& level) {
  return level.empty() ? "accuracy" : "stuck at " + escape(level);
}

/// FAT, Table I: campaigns with the same layers and levels side by side.
std::string layer_table(const Campaigns& campaigns) {
  const Campaign& first = *campaigns.front();
  const std::string span = std::to_string(2 * first.levels.size());
  std::string networks, levels, ends;
  for (const Campaign* campaign : campaigns) {
    networks += "<th scope=\"colgroup\" class=\"net\" colspan=\"" + span + "\">" +
                escape(campaign->network) + " <small>error-free " +
                fixed(golden_accuracy(*campaign), 2) + "</small></th>";
    for (size_t l = 0; l < first.levels.size(); ++l) {
      levels += "<th scope=\"colgroup\" colspan=\"2\">" + stuck_at(first.levels[l]) + "</th>";
      ends += "<th class=\"n\">min</th><th class=\"n\">max</th>";
    }
  }
  std::string body;
  const int groups = static_cast<int>(first.groups.size());
  for (int g = 0; g <= groups; ++g) {
    const bool last = g == groups;
    body += std::string(last ? "<tr class=\"total\">" : "<tr>") + "<th scope=\"row\">" +
            (last ? "all" : escape(first.groups[static_cast<size_t>(g)].name)) + "</th>";
    for (const Campaign* campaign : campaigns) {
      for (int l = 0; l < static_cast<int>(first.levels.size()); ++l) {
        const Extremes pair = extremes(*campaign, last ? -1 : g, l);
        body += cell(*campaign, pair.worst, true) + cell(*campaign, pair.best, false);
      }
    }
    body += "</tr>\n";
  }
  return "<table class=\"layers\"><thead><tr><th rowspan=\"3\">layer</th>" + networks +
         "</tr>\n<tr>" + levels + "</tr>\n<tr>" + ends + "</tr></thead>\n<tbody>" + body +
         "</tbody></table>\n";
}

/// What the number of images leaves open: of the accuracy without faults, or of the worst's cost.
std::string limits_of(const Campaign& campaign, bool golden) {
  const Campaign::Limits& limits = campaign.limits;
  if (limits.confidence == 0) return {};
  const double low = golden ? limits.golden_low : limits.loss_low;
  const double high = golden ? limits.golden_high : limits.loss_high;
  return " <small>" + (golden ? std::string() : "costs ") + fixed(low, 1) + " to " +
         fixed(high, 1) + (golden ? "" : " points") + "</small>";
}

std::string overview_table(const ReportInput& input, const Campaigns& campaigns) {
  std::string rows;
  for (const Campaign* campaign : campaigns) {
    const Spread values = spread(*campaign);
    const FaultOutcome* worst = extremes(*campaign).worst;
    rows +=
        "<tr><th scope=\"row\"><svg class=\"mark\" viewBox=\"0 0 14 14\" aria-hidden=\"true\">"
        "<path d=\"" +
        marker_path(network_index(input, campaign->network), 7, 7, 5) + "\" class=\"" +
        series(input, *campaign) + "\"/></svg>" + escape(campaign->network) +
        "</th><td class=\"n\">" + grouped(static_cast<int64_t>(campaign->faults.size())) +
        "</td><td class=\"n\">" + fixed(golden_accuracy(*campaign), 2) +
        limits_of(*campaign, true) + "</td>";
    if (worst) {
      rows += cell(*campaign, worst, true) + "<td class=\"n\">" + fixed(values.mean, 2) +
              "</td><td class=\"n\">" + fixed(values.variance, 3) + "</td><td>" + "<a href=\"#" +
              worst_anchor(*campaign) + "\">" + escape(worst->name) + "</a>" +
              (campaign->sampled ? " (of the sample)" : "") + limits_of(*campaign, false) +
              "</td></tr>\n";
    } else {
      rows += "<td colspan=\"4\">no faults</td></tr>\n";
    }
  }
  return "<figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>network</th><th "
         "class=\"n\">faults</th>"
         "<th class=\"n\">error-free</th><th class=\"n\">worst</th><th class=\"n\">mean</th>"
         "<th class=\"n\">variance</th><th>worst fault</th></tr></thead>\n<tbody>" +
         rows +
         "</tbody></table></div><figcaption>Mean and variance are over all faults; of a sample, "
         "they "
         "are estimates for all. Small: what the number of images leaves open, of the accuracy and "
         "of what the worst fault costs (faulty against fault-free on the same images)."
         "</figcaption></figure>\n";
}

/// The faults that cost most, each with what finds it again.
std::string worst_table(const Campaigns& campaigns) {
  constexpr size_t shown = 20;
  std::string rows;
  for (const Campaign* campaign : campaigns) {
    std::vector<const FaultOutcome*> worst;
    for (const FaultOutcome& fault : campaign->faults) worst.push_back(&fault);
    std::stable_sort(worst.begin(), worst.end(), [](const FaultOutcome* a, const FaultOutcome* b) {
      return a->correct < b->correct;
    });
    worst.resize(std::min(worst.size(), shown));
    bool first = true;
    for (const FaultOutcome* fault : worst) {
      rows +=
          std::string("<tr") + (first ? " id=\"" + worst_anchor(*campaign) + "\"" : std::string()) +
          "><th scope=\"row\">" + escape(campaign->network) + "</th><td>" + escape(fault->name) +
          "</td><td>" + escape(campaign->groups[static_cast<size_t>(fault->group)].name) +
          "</td><td class=\"n\">" + fixed(accuracy(*campaign, *fault), 2) +
          "</td><td class=\"n\">" + fixed(points_lost(*campaign, *fault), 2) +
          "</td><td class=\"n\">" + grouped(fault->critical) + "</td><td class=\"n\">" +
          grouped(fault->masked) + "</td><td><code>" + escape(fault->id) + "</code></td></tr>\n";
      first = false;
    }
  }
  const bool sampled = std::any_of(campaigns.begin(), campaigns.end(),
                                   [](const Campaign* campaign) { return campaign->sampled; });
  return "<details><summary>The " + std::to_string(shown) + " worst faults of each network" +
         (sampled ? ", of those drawn" : "") +
         "</summary>\n<div class=\"scroll\"><table class=\"data\"><thead><tr><th>network</th>"
         "<th>fault</th><th>where</th><th class=\"n\">accuracy, %</th>"
         "<th class=\"n\">points lost</th><th class=\"n\">images changed</th>"
         "<th class=\"n\">images masked</th><th>for 'campaign replay --fault'</th></tr></thead>\n"
         "<tbody>" +
         rows + "</tbody></table></div></details>\n";
}

/// Of chips: which share of them keeps at least an accuracy.
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

bool same_table(const Campaign& a, const Campaign& b) {
  return a.levels == b.levels && std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(),
                                            b.groups.end(), [](const auto& x, const auto& y) {
                                              return x.name == y.name && x.units == y.units;
                                            });
}

}  // namespace

std::string campaign_section(const ReportInput& input) {
  std::vector<std::string> kinds;
  for (const Campaign& campaign : input.campaigns) {
    if (std::find(kinds.begin(), kinds.end(), campaign.kind) == kinds.end()) {
      kinds.push_back(campaign.kind);
    }
  }
  if (kinds.empty()) return {};
  std::string text = "<section id=\"faults\">\n<h2>Single faults</h2>\n";
  for (const std::string& kind : kinds) {
    Campaigns all, with_faults;
    for (const Campaign& campaign : input.campaigns) {
      if (campaign.kind != kind) continue;
      all.push_back(&campaign);
      if (!campaign.faults.empty()) with_faults.push_back(&campaign);
    }
    text += "<h3>One " + escape(fault_noun(kind)) +
            " at a time</h3>\n<p>Each fault was put into the network alone, and the accuracy over "
            "all images measured again. Accuracies in %.</p>\n" +
            overview_table(input, all);
    if (with_faults.empty()) continue;
    text += worst_table(with_faults) + "<div class=\"figures\">\n" + scatter(input, with_faults) +
            (kind == "chip" ? yield_curves(input, with_faults) : sorted_curves(input, with_faults));
    // Networks of one architecture share pictures by layer and tables.
    std::vector<Campaigns> alike;
    for (const Campaign* campaign : with_faults) {
      const auto place = std::find_if(alike.begin(), alike.end(), [&](const Campaigns& others) {
        return same_table(*others.front(), *campaign);
      });
      if (place == alike.end()) {
        alike.push_back({campaign});
      } else {
        place->push_back(campaign);
      }
    }
    for (const Campaigns& campaigns : alike) text += strips(input, campaigns);
    text += status_bars(with_faults);
    for (const Campaigns& campaigns : alike) {
      text +=
          figure("Lowest and highest accuracy by layer", layer_table(campaigns),
                 "Over all faults of the layer at that level, in %. The colour is what the worst "
                 "of them costs.",
                 "wide");
    }
    text += "</div>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
