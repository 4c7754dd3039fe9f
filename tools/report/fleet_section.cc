// Lots of broken chips: the resilience map, E(f), what every policy costs and sells, and where the
// chips lay on their wafers.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/report/fleet_profit.h"
#include "tools/report/plot.h"
#include "tools/report/sections.h"

namespace stuckat::report {
namespace {

using Policy = Fleet::Policy;

int64_t sold(const Policy& policy) {
  return std::count(policy.sold.begin(), policy.sold.end(), true);
}

double share_sold(const Policy& policy) {
  return policy.sold.empty()
             ? 0
             : 100.0 * static_cast<double>(sold(policy)) / static_cast<double>(policy.sold.size());
}

int64_t bill(const Policy& policy) { return policy.images + policy.images_of_map; }

/// Least, quartiles, greatest.
std::vector<double> five_numbers(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::vector<double> five;
  for (size_t i = 0; i < 5 && !values.empty(); ++i)
    five.push_back(values[i * (values.size() - 1) / 4]);
  return five;
}

std::string titled_figure(const std::string& title, const std::string& small,
                          const std::string& content, const std::string& caption = {}) {
  return "<figure>\n<h4>" + escape(title) + " <small>" + escape(small) +
         "</small></h4>\n<div class=\"scroll\">" + content + "</div>\n" +
         (caption.empty() ? "" : "<figcaption>" + escape(caption) + "</figcaption>\n") +
         "</figure>\n";
}

/// Points lost against the deployed network, as a class of damage.
std::string class_of_loss(double lost) {
  constexpr double limits[] = {0.25, 0.5, 1, 2, 4, 8, 16};
  int cls = 0;
  for (const double limit : limits) cls += lost > limit ? 1 : 0;
  return "h" + std::to_string(cls);
}

std::string resilience_picture(const Fleet& fleet) {
  const Fleet::Map& map = fleet.map;
  const double left = 66, top = 8, width = 62, height = 26;
  const double right = left + width * static_cast<double>(map.amounts.size());
  const double bottom = top + height * static_cast<double>(map.rates.size());
  Drawing drawing(std::max(right + 12, 330.0), bottom + 44,
                  "accuracy over rate of faults and amount of retraining");
  for (size_t r = 0; r < map.rates.size(); ++r) {
    const double y = top + height * static_cast<double>(r);
    drawing.text(left - 8, y + 17, fixed(map.rates[r], map.rates[r] < 1 ? 2 : 1) + " %", "tick",
                 Anchor::end);
    for (size_t a = 0; a < map.amounts.size(); ++a) {
      const double x = left + width * static_cast<double>(a);
      const double accuracy = map.accuracy[r][a];
      if (accuracy < 0) {
        drawing.rectangle(x + 1, y + 1, width - 2, height - 2, "cell unknown", "not needed");
        continue;
      }
      const bool meets = accuracy >= fleet.constraint;
      const std::string tip =
          fixed(map.rates[r], 2) + " % of the sites broken, " + grouped(map.amounts[a]) +
          " images\n" + fixed(accuracy, 2) + " %, " + fixed(fleet.deployed - accuracy, 2) +
          " points below the deployed network" + (meets ? "" : "\nmisses the constraint");
      drawing.rectangle(x + 1, y + 1, width - 2, height - 2,
                        "cell " + class_of_loss(fleet.deployed - accuracy), tip);
      if (meets) drawing.line(x + 8, y + height - 5, x + width - 8, y + height - 5, "axis");
    }
  }
  for (size_t a = 0; a < map.amounts.size(); ++a) {
    drawing.text(left + width * (static_cast<double>(a) + 0.5), bottom + 16,
                 grouped(map.amounts[a]), "tick", Anchor::middle);
  }
  drawing.text((left + right) / 2, bottom + 34, "images of retraining", "label", Anchor::middle);
  std::string key = "<p class=\"legend\">points lost:";
  const char* const names[] = {"to 0.25", "to 0.5", "to 1",  "to 2",
                               "to 4",    "to 8",   "to 16", "more"};
  for (int cls = 0; cls < 8; ++cls) {
    key += " <span><svg class=\"mark h" + std::to_string(cls) +
           "\" viewBox=\"0 0 13 13\"><rect width=\"13\" height=\"13\"/></svg>" + names[cls] +
           "</span>";
  }
  return titled_figure("Resilience map", "accuracy after retraining",
                       key + "</p>\n" + drawing.str(),
                       "A line below: the constraint is met, on average.");
}

Axis linear_axis(double high, double from, double to, const std::string& label) {
  Axis axis{nice_scale(0, high, high <= 0 ? 1 : high * 0.1, 5), {}, label};
  axis.scale.from = from;
  axis.scale.to = to;
  axis.ticks = nice_ticks(axis.scale.low, axis.scale.high, 5);
  return axis;
}

double mean(const std::vector<double>& values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

std::string curve_picture(const Fleet& fleet) {
  const PlotArea area{74, 12, 494, 250};
  const double high_rate =
      std::max(fleet.curve.back().rate, *std::max_element(fleet.rates.begin(), fleet.rates.end()));
  const Axis x = linear_axis(high_rate, area.left, area.right, "share of sites broken, %");
  const Axis y = linear_axis(static_cast<double>(fleet.curve.back().images), area.bottom, area.top,
                             "images of retraining");
  Drawing drawing(520, 294, "amount of retraining against the rate of faults");
  draw_axes(drawing, area, x, y);
  // Where chips are: a tick each, below the curve.
  for (const double rate : fleet.rates) {
    const double at = x.scale(rate);
    drawing.line(at, area.bottom - 7, at, area.bottom, "drop s1");
  }
  std::string path = "M" + coordinate(x.scale(0)) + " " +
                     coordinate(y.scale(static_cast<double>(fleet.curve.front().images)));
  for (const auto& p : fleet.curve) {
    path += "L" + coordinate(x.scale(p.rate)) + " " +
            coordinate(y.scale(static_cast<double>(p.images)));
  }
  drawing.path(path, "curve s0");
  for (const auto& p : fleet.curve) {
    drawing.marker(0, x.scale(p.rate), y.scale(static_cast<double>(p.images)), 4.5, "point s0",
                   fixed(p.rate, 2) + " %: " + count_of(p.images, "image"));
  }
  const double limit = x.scale(fleet.curve.back().rate);
  drawing.line(limit, area.top, limit, area.bottom, "ideal");
  return titled_figure("E(f)", "what the constraint needs", drawing.str(),
                       "Blue: the chips of the lot. Dashed: f_max, beyond which no amount that was "
                       "measured is enough.");
}

std::string bill_picture(const Fleet& fleet) {
  const PlotArea area{74, 12, 494, 250};
  double high = 1;
  for (const Policy& p : fleet.policies) high = std::max(high, static_cast<double>(bill(p)));
  const Axis x = linear_axis(high, area.left, area.right, "images of retraining");
  const Axis y = linear_axis(100, area.bottom, area.top, "chips sold, %");
  Drawing drawing(520, 294, "chips sold against retraining, policy by policy");
  draw_axes(drawing, area, x, y);
  std::vector<LegendEntry> entries;
  for (size_t i = 0; i < fleet.policies.size(); ++i) {
    const Policy& p = fleet.policies[i];
    const double at_y = y.scale(share_sold(p));
    const double at_x = x.scale(static_cast<double>(bill(p)));
    if (p.images_of_map > 0) {
      drawing.line(x.scale(static_cast<double>(p.images)), at_y, at_x, at_y,
                   "drop " + series_class(i));
    }
    drawing.marker(static_cast<int>(i), at_x, at_y, 5.5, "point " + series_class(i),
                   p.name + ": " + grouped(sold(p)) + " chips sold, " + grouped(bill(p)) +
                       " images" +
                       (p.images_of_map > 0
                            ? ", " + grouped(p.images_of_map) + " of them for the resilience map"
                            : std::string()));
    entries.push_back({series_class(i), p.name, static_cast<int>(i)});
  }
  return titled_figure("Cost and yield", "policies side by side", legend(entries) + drawing.str(),
                       "Lines: the part of the resilience map.");
}

std::string accuracy_picture(const Fleet& fleet) {
  double low = fleet.deployed_here, high = fleet.deployed_here;
  for (const Policy& p : fleet.policies) {
    const auto five = five_numbers(p.accuracy);
    if (five.empty()) continue;
    low = std::min(low, five[1]);
    high = std::max(high, five[4]);
  }
  const double height = 24;
  const PlotArea area{74, 12, 494, 16 + height * static_cast<double>(fleet.policies.size())};
  Axis x{nice_scale(low, high, 2, 5), {}, "accuracy on " + fleet.images + " images, %"};
  x.scale.from = area.left;
  x.scale.to = area.right;
  x.ticks = nice_ticks(x.scale.low, x.scale.high, 5);
  Axis y{{0, 1, area.bottom, area.top}, {}, ""};
  Drawing drawing(520, area.bottom + 44, "accuracy of chips, policy by policy");
  draw_axes(drawing, area, x, y);
  for (size_t i = 0; i < fleet.policies.size(); ++i) {
    const Policy& p = fleet.policies[i];
    const auto five = five_numbers(p.accuracy);
    const double middle = area.top + height * (static_cast<double>(i) + 0.5);
    drawing.text(area.left - 8, middle + 4, p.name, "tick", Anchor::end);
    if (five.empty()) continue;
    const auto at = [&](double accuracy) {
      return x.scale(std::max(accuracy, x.scale.low));  // longer whiskers end at the edge
    };
    const std::string tip = p.name + ": least " + fixed(five[0], 2) + ", quartiles " +
                            fixed(five[1], 2) + ", " + fixed(five[2], 2) + ", " +
                            fixed(five[3], 2) + ", greatest " + fixed(five[4], 2) + " %";
    drawing.line(at(five[0]), middle, at(five[4]), middle, "golden " + series_class(i));
    drawing.rectangle(at(five[1]), middle - 6, std::max(2.0, at(five[3]) - at(five[1])), 12,
                      series_class(i), tip);
    drawing.marker(static_cast<int>(i), at(five[2]), middle, 4.5, "point " + series_class(i), tip);
  }
  const double deployed = x.scale(fleet.deployed_here);
  drawing.line(deployed, area.top, deployed, area.bottom, "ideal");
  return titled_figure(
      "Accuracy of the chips", "all of the lot", drawing.str(),
      "Boxes: quartiles, marks: medians. Dashed: the deployed network on a healthy chip.");
}

/// Profit against the price of an image of retraining, a line for each policy.
std::string profit_picture(const Fleet& fleet) {
  const std::vector<Profit> all = profits(fleet);
  const auto best = best_policies(all);
  double most = 0;
  double dearest = best.back().first;
  for (const Profit& p : all) {
    most = std::max(most, p.at(0));
    if (dearest == 0 && p.images > 0) dearest = p.at(0) / static_cast<double>(p.images);
  }
  dearest = dearest > 0 ? 1.25 * dearest : 1;
  const PlotArea area{74, 12, 494, 250};
  const Axis x =
      linear_axis(1000 * dearest, area.left, area.right, "price of 1,000 images of retraining");
  const Axis y = linear_axis(most, area.bottom, area.top, "profit of the lot");
  Drawing drawing(520, 294, "profit against the price of retraining, policy by policy");
  draw_axes(drawing, area, x, y);
  std::vector<LegendEntry> entries;
  for (size_t i = 0; i < all.size(); ++i) {
    const Profit& p = all[i];
    double end = dearest;  // down to a profit of 0
    if (p.at(end) < 0) end = std::max(0.0, p.at(0) / static_cast<double>(p.images));
    const std::string& name = fleet.policies[i].name;
    if (p.at(0) >= 0) {
      drawing.path("M" + coordinate(x.scale(0)) + " " + coordinate(y.scale(p.at(0))) + "L" +
                       coordinate(x.scale(1000 * end)) + " " + coordinate(y.scale(p.at(end))),
                   "curve " + series_class(i));
      drawing.marker(static_cast<int>(i), x.scale(0), y.scale(p.at(0)), 4.5,
                     "point " + series_class(i),
                     name + ": revenue " + fixed(p.revenue, 2) + ", networks " +
                         fixed(p.networks, 2) + ", " + count_of(p.images, "image"));
    }
    entries.push_back({series_class(i), name, static_cast<int>(i)});
  }
  std::string bins;
  for (const PriceBin& bin : fleet.prices) {
    bins +=
        (bins.empty() ? "" : ", ") + fixed(bin.price, 2) + " from " + fixed(bin.accuracy, 2) + " %";
  }
  std::string words = "A chip is sold for " + bins + "; a stored network costs " +
                      fixed(fleet.network_price, 2) + ". Best: ";
  for (size_t b = 0; b < best.size(); ++b) {
    words += (b == 0 ? "" : ", from " + fixed(1000 * best[b].first, 4) + " on ") +
             fleet.policies[best[b].second].name;
  }
  return titled_figure("Profit", "by accuracy on " + fleet.images + " images",
                       legend(entries) + drawing.str(), words + ".");
}

std::string policy_table(const Fleet& fleet) {
  // Salvaged chips have orders of their own, too.
  const bool has_orders =
      !fleet.repair.empty() || std::any_of(fleet.policies.begin(), fleet.policies.end(),
                                           [](const Policy& p) { return p.orders > 0; });
  std::string rows;
  for (const Policy& p : fleet.policies) {
    const auto five = five_numbers(p.accuracy);
    const auto split =
        std::count_if(p.groups.begin(), p.groups.end(), [](const auto& g) { return g.split; });
    rows += "<tr><th title=\"" + escape(p.words) + "\">" + escape(p.name) + "</th>" +
            number_cell(fixed(share_sold(p), 1)) + number_cell(grouped(p.networks)) +
            (has_orders ? number_cell(grouped(p.orders)) : std::string()) +
            number_cell(grouped(p.images)) + number_cell(grouped(bill(p))) +
            number_cell(grouped(split)) + number_cell(five.empty() ? "-" : fixed(five[0], 2)) +
            number_cell(five.empty() ? "-" : fixed(five[2], 2)) + "</tr>\n";
  }
  return "<div class=\"scroll\"><table><thead><tr><th>policy</th>"
         "<th class=\"n\">% sold</th><th class=\"n\">networks</th>" +
         std::string(has_orders ? "<th class=\"n\" title=\"orders of channels in which sold chips "
                                  "have the deployed network\">orders</th>"
                                : "") +
         "<th class=\"n\">images</th><th class=\"n\">with the map</th><th class=\"n\">groups "
         "split</th>"
         "<th class=\"n\">least %</th><th class=\"n\">median %</th></tr></thead>\n<tbody>" +
         rows + "</tbody></table></div>\n";
}

std::string group_table(const Policy& policy) {
  std::vector<Fleet::Group> groups;
  for (const auto& g : policy.groups) {
    if (g.images > 0 && (g.chips > 1 || g.split)) groups.push_back(g);
  }
  if (groups.empty()) return {};
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.chips > b.chips; });
  std::string rows;
  for (const auto& g : groups) {
    rows += "<tr>" + number_cell(grouped(g.chips)) + number_cell(fixed(g.rate, 2)) +
            number_cell(grouped(g.images)) + "<td>" +
            (g.split ? "missed the constraint, split" : "") + "</td></tr>\n";
  }
  return "<details><summary>Groups of " + escape(policy.name) + ": " +
         grouped(static_cast<int64_t>(groups.size())) +
         "</summary>\n<div class=\"scroll\"><table><thead><tr><th class=\"n\">chips</th>"
         "<th class=\"n\">% broken together</th><th class=\"n\">images</th><th></th></tr></thead>"
         "\n<tbody>" +
         rows + "</tbody></table></div></details>\n";
}

/// What it takes to sell a chip, by the best policy.
struct Fate {
  const char* css_class;
  const char* words;
};
constexpr Fate fates[] = {{"s2", "nothing is broken"},
                          {"s1", "sold without retraining"},
                          {"s4", "sold after retraining"},
                          {"h7", "sold by no policy"}};

const char* words_of(const Fate& fate, const Fleet& fleet) {
  const bool spared = &fate == fates && !fleet.repair.empty();
  return spared ? "nothing is left broken" : fate.words;
}

int fate_of(const Fleet& fleet, size_t chip) {
  if (fleet.rates[chip] == 0) return 0;
  int fate = 3;
  for (const Policy& p : fleet.policies) {
    if (p.sold[chip]) fate = std::min(fate, p.images == 0 ? 1 : 2);
  }
  return fate;
}

std::string wafer_pictures(const Fleet& fleet) {
  if (fleet.across == 0 || fleet.policies.empty() || fleet.dies.empty()) return {};
  constexpr size_t most_wafers = 4;
  const size_t per_wafer = fleet.dies.size();
  const double side = std::max(8.0, 260.0 / fleet.across);
  const double width = side * fleet.across;
  std::string text =
      "<h4>Wafers <small>by what it takes to sell a chip</small></h4>\n"
      "<div class=\"maps\">\n";
  for (size_t wafer = 0; wafer < most_wafers && wafer * per_wafer < fleet.rates.size(); ++wafer) {
    Drawing drawing(width + 4, width + 4, "dies of a wafer");
    const double radius = width / 2;
    const std::string arc = "A" + coordinate(radius) + " " + coordinate(radius) + " 0 0 1 ";
    drawing.path("M2 " + coordinate(2 + radius) + arc + coordinate(2 + width) + " " +
                     coordinate(2 + radius) + arc + "2 " + coordinate(2 + radius) + "Z",
                 "h0");
    for (size_t die = 0; die < per_wafer; ++die) {
      const size_t chip = wafer * per_wafer + die;
      if (chip >= fleet.rates.size()) break;
      const Fate& fate = fates[static_cast<size_t>(fate_of(fleet, chip))];
      drawing.rectangle(2 + side * fleet.dies[die].first, 2 + side * fleet.dies[die].second,
                        side - 1, side - 1, fate.css_class,
                        "chip " + grouped(static_cast<int64_t>(chip)) + ", " +
                            fixed(fleet.rates[chip], 2) + " % broken\n" + words_of(fate, fleet));
    }
    text += "<figure>" + drawing.str() + "<figcaption>wafer " +
            grouped(static_cast<int64_t>(wafer)) + "</figcaption></figure>\n";
  }
  std::vector<LegendEntry> entries;
  for (const Fate& fate : fates) entries.push_back({fate.css_class, words_of(fate, fleet), 1});
  return text + "</div>\n" + legend(entries);
}

std::string merging_sentence(const Fleet& fleet) {
  if (fleet.curve.empty()) {
    return "No amount of retraining that was measured meets the constraint, at any rate.";
  }
  std::string text = "The least broken chip needs " +
                     count_of(fleet.curve.front().images, "image") +
                     " already (e0): chips that share a network need that only once. ";
  const auto saving = [](double images) -> std::string {
    if (images <= -1e15) return "are beyond f_max";
    return (images > 0 ? "would save " : "would cost ") +
           count_of(std::llround(std::abs(images)), "image");
  };
  const bool pays = fleet.saving_of_two > 0 || fleet.saving_of_five > 0;
  text += "Two chips of the mean rate, " + fixed(mean(fleet.rates), 2) + " %, " +
          saving(fleet.saving_of_two) + " together, five " + saving(fleet.saving_of_five) +
          (pays ? ": E(f) is sub-additive there, merging pays."
                : ": E(f) is not sub-additive there, merging does not pay.");
  return text;
}

}  // namespace

std::string fleet_sentence(const Fleet& fleet) {
  std::string text = "Of " + count_of(static_cast<int64_t>(fleet.rates.size()), "chip") + " of " +
                     fleet.accelerator +
                     (fleet.repair.empty() ? "" : ", each repaired (" + fleet.repair + ")");
  for (size_t i = 0; i < fleet.policies.size(); ++i) {
    const Policy& p = fleet.policies[i];
    text += (i == 0                           ? ", "
             : i + 1 == fleet.policies.size() ? " and "
                                              : ", ") +
            p.name + (i == 0 ? " sells " : " ") + grouped(sold(p)) +
            (bill(p) > 0 ? " (" + count_of(bill(p), "image") + ")" : "");
  }
  return text + ".";
}

std::string fleet_section(const ReportInput& input) {
  if (input.fleets.empty()) return {};
  std::string text = "<section id=\"fleets\">\n<h2>Fleets</h2>\n";
  for (const Fleet& fleet : input.fleets) {
    text +=
        "<article>\n<h3>" + escape(fleet.label) + " <small>" + escape(fleet.network) + " on " +
        escape(fleet.accelerator) + ", " +
        count_of(static_cast<int64_t>(fleet.rates.size()), "chip") + "</small></h3>\n<p>" +
        (fleet.repair.empty()
             ? std::string()
             : "Each chip is repaired before any policy but 'none': " + escape(fleet.repair) + ". ") +
        "A chip is sold with " + fixed(fleet.constraint, 2) +
        " % on validation images, where the deployed network has " + fixed(fleet.deployed, 2) +
        " % on a healthy chip. The resilience map has cost " + count_of(fleet.map_images, "image") +
        " of retraining.</p>\n<p>" + escape(merging_sentence(fleet)) + "</p>\n" +
        policy_table(fleet) + "<div class=\"figures\">\n";
    if (!fleet.policies.empty()) text += bill_picture(fleet) + accuracy_picture(fleet);
    if (!fleet.policies.empty() && !fleet.prices.empty()) text += profit_picture(fleet);
    if (!fleet.curve.empty() && !fleet.rates.empty()) text += curve_picture(fleet);
    if (!fleet.map.rates.empty()) text += resilience_picture(fleet);
    text += "</div>\n" + wafer_pictures(fleet);
    for (const Policy& p : fleet.policies) text += group_table(p);
    text += "</article>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
