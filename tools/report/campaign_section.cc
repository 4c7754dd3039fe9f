// Single faults: key figures, Table I of the FAT paper, and where the damage is.
#include <algorithm>
#include <cctype>

#include "tools/report/campaign_pictures.h"
#include "tools/report/plot.h"
#include "tools/report/sections.h"
#include "tools/report/statistics.h"

namespace stuckat::report {
namespace {

/// Anchors of the table of the worst faults.
std::string worst_anchor(const Campaign& campaign) {
  std::string text = "worst-" + campaign.kind + "-" + campaign.network + "-" + campaign.accelerator;
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '-';
  }
  return text;
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
  const std::string what = campaigns.front()->kind == "chip" ? "chip" : "fault";
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
         "class=\"n\">" +
         what +
         "s</th>"
         "<th class=\"n\">error-free</th><th class=\"n\">worst</th><th class=\"n\">mean</th>"
         "<th class=\"n\">variance</th><th>worst " +
         what + "</th></tr></thead>\n<tbody>" + rows +
         "</tbody></table></div><figcaption>Mean and variance are over all " + what +
         "s; of a sample, "
         "they "
         "are estimates for all. Small: what the number of images leaves open, of the accuracy and "
         "of what the worst costs (faulty against fault-free on the same images)."
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

bool same_table(const Campaign& a, const Campaign& b) {
  return a.levels == b.levels && std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(),
                                            b.groups.end(), [](const auto& x, const auto& y) {
                                              return x.name == y.name && x.units == y.units;
                                            });
}

}  // namespace

std::string campaign_section(const ReportInput& input) {
  if (input.campaigns.empty()) return {};
  std::string text = "<section id=\"faults\">\n<h2>Single faults</h2>\n";
  for (const Campaigns& all : grouped_by(all_of(input.campaigns), same_place)) {
    const std::string& kind = all.front()->kind;
    const bool chips = kind == "chip";
    const Campaigns examined = with_faults(all);
    const std::string& accelerator = all.front()->accelerator;
    text += "<h3>One " + escape(fault_noun(kind)) + " at a time" +
            (accelerator.empty() ? "" : ": " + escape(accelerator)) + "</h3>\n<p>" +
            (chips ? "All faults of a chip were put into the network together"
                   : "Each fault was put into the network alone") +
            ", and the accuracy over all images measured again. Accuracies in %.</p>\n" +
            overview_table(input, all);
    if (examined.empty()) continue;
    text += worst_table(examined) + "<div class=\"figures\">\n" + scatter(input, examined) +
            (chips ? yield_curves(input, examined) : sorted_curves(input, examined));
    // Networks of one architecture share pictures by layer and tables.
    const std::vector<Campaigns> alike = grouped_by(examined, same_table);
    for (const Campaigns& group : alike) text += strips(input, group);
    text += status_bars(examined);
    for (const Campaigns& group : alike) {
      if (chips && group.front()->groups.size() == 1) continue;  // the overview has it
      text +=
          figure("Lowest and highest accuracy by layer", layer_table(group),
                 "Over all faults of the layer at that level, in %. The colour is what the worst "
                 "of them costs.",
                 "wide");
    }
    text += "</div>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
