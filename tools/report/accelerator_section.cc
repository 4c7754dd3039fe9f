// Accelerators: which dead PE does what, and what a cycle-level run took and found.
#include <algorithm>

#include "tools/report/plot.h"
#include "tools/report/sections.h"
#include "tools/report/statistics.h"

namespace stuckat::report {
namespace {

/// One line for each fault of a PE, worst first, at most six.
std::string tip_lines(const Campaign& campaign, const std::vector<const FaultOutcome*>& faults) {
  constexpr size_t shown = 6;
  if (faults.empty()) return "\nnot examined";
  std::string text;
  for (size_t i = 0; i < std::min(shown, faults.size()); ++i) {
    text += "\n" + faults[i]->name + ": " + fixed(accuracy(campaign, *faults[i]), 2) + " % (" +
            fixed(points_lost(campaign, *faults[i]), 2) + " points lost)";
  }
  if (faults.size() > shown) {
    text += "\nand " + grouped(static_cast<int64_t>(faults.size() - shown)) + " more";
  }
  return text;
}

/// One row of cells for each group, wrapped after `row_cells`; a cell is the worst level of a PE.
std::string damage_map(const Campaign& campaign) {
  constexpr int row_cells = 32;
  constexpr double pitch = 15, cell = 13, label = 96, margin = 4;
  int widest = 1, lines = 0;
  for (const Campaign::Group& group : campaign.groups) {
    widest = std::max(widest, std::min(group.units, row_cells));
    lines += std::max(1, (group.units + row_cells - 1) / row_cells);
  }
  const double gap = 5;
  const double height =
      2 * margin + 14 + lines * pitch + gap * static_cast<double>(campaign.groups.size());
  Drawing drawing(
      std::max(300.0, label + widest * pitch + margin), height,
      "Worst accuracy when a PE is dead, " + campaign.network + " on " + campaign.accelerator);
  for (int pe = 0; pe < widest; pe += 4) {
    drawing.text(label + pe * pitch + cell / 2, margin + 8, std::to_string(pe), "tick",
                 Anchor::middle);
  }
  double top = margin + 14;
  for (size_t g = 0; g < campaign.groups.size(); ++g) {
    const Campaign::Group& group = campaign.groups[g];
    drawing.text(label - 8, top + cell - 2.5, shortened(group.name, 14), "tick", Anchor::end,
                 group.name);
    std::vector<std::vector<const FaultOutcome*>> faults(static_cast<size_t>(group.units));
    for (const FaultOutcome& fault : campaign.faults) {
      if (fault.group == static_cast<int>(g))
        faults[static_cast<size_t>(fault.unit)].push_back(&fault);
    }
    for (int pe = 0; pe < group.units; ++pe) {
      auto& here = faults[static_cast<size_t>(pe)];
      std::stable_sort(here.begin(), here.end(),
                       [](const auto* a, const auto* b) { return a->correct < b->correct; });
      const std::string colour =
          here.empty()
              ? "cell unknown"
              : "cell h" + std::to_string(damage_class(points_lost(campaign, *here.front())));
      const int row = pe / row_cells;
      const int column = pe % row_cells;
      drawing.rectangle(label + column * pitch, top + row * pitch, cell, cell, colour,
                        group.name + ", PE " + std::to_string(pe) + tip_lines(campaign, here));
    }
    top += std::max(1, (group.units + row_cells - 1) / row_cells) * pitch + gap;
  }
  return drawing.str();
}

std::string damage_figure(const Campaign& campaign) {
  std::string caption = "Error-free " + fixed(golden_accuracy(campaign), 2) + " %. ";
  if (const FaultOutcome* worst = extremes(campaign).worst) {
    std::vector<std::pair<int, int>> harmful;
    for (const FaultOutcome& fault : campaign.faults) {
      if (points_lost(campaign, fault) >= 10) harmful.emplace_back(fault.group, fault.unit);
    }
    std::sort(harmful.begin(), harmful.end());
    harmful.erase(std::unique(harmful.begin(), harmful.end()), harmful.end());
    caption += "Worst: " + worst->name + ", " + fixed(accuracy(campaign, *worst), 2) + " %. " +
               grouped(static_cast<int64_t>(harmful.size())) +
               (harmful.size() == 1 ? " PE costs" : " PEs cost") + " 10 points or more.";
  } else {
    caption += "No faults.";
  }
  const int64_t units = [&] {
    int64_t sum = 0;
    for (const Campaign::Group& group : campaign.groups) sum += group.units;
    return sum;
  }();
  return "<figure>\n<h4>" + escape(campaign.network) + " <small>" + grouped(units) + " PEs, " +
         grouped(static_cast<int64_t>(campaign.faults.size())) +
         " faults</small></h4>\n<div class=\"scroll\">" + damage_map(campaign) +
         "</div>\n<figcaption>" + escape(caption) + "</figcaption>\n</figure>\n";
}

std::string damage_legend() {
  std::vector<LegendEntry> entries;
  for (int i = 0; i < static_cast<int>(damage_edges.size()); ++i) {
    entries.push_back({"cell h" + std::to_string(i), damage_class_name(i)});
  }
  return "<div class=\"keyed\"><span>Accuracy lost, points:</span>" + legend(entries) + "</div>\n";
}

struct Activity {
  const char* css_class;
  const char* label;
  int64_t ModuleStatistics::*cycles;
};
constexpr std::array<Activity, 7> activities = {
    {{"busy", "busy", &ModuleStatistics::busy_cycles},
     {"starved", "starved: waits for input", &ModuleStatistics::starved_cycles},
     {"blocked", "blocked: waits for room after it", &ModuleStatistics::blocked_cycles},
     {"memory", "waits for weights from memory", &ModuleStatistics::memory_cycles},
     {"control", "waits for the controller", &ModuleStatistics::control_cycles},
     {"draining", "pipeline runs empty", &ModuleStatistics::draining_cycles},
     {"idle", "idle: nothing to do", &ModuleStatistics::idle_cycles}}};

std::string module_bars(const Simulation& simulation) {
  std::vector<LegendEntry> entries;
  for (const Activity& activity : activities) {
    for (const ModuleStatistics& module : simulation.modules) {
      if (module.*activity.cycles > 0) {
        entries.push_back({activity.css_class, activity.label});
        break;
      }
    }
  }
  std::string rows;
  for (const ModuleStatistics& module : simulation.modules) {
    std::vector<BarPart> parts;
    const auto total = static_cast<double>(std::max<int64_t>(1, module.total_cycles()));
    for (const Activity& activity : activities) {
      const int64_t cycles = module.*activity.cycles;
      const double share = 100.0 * static_cast<double>(cycles) / total;
      parts.push_back({share, activity.css_class,
                       module.name + "\n" + activity.label + "\n" + grouped(cycles) + " cycles, " +
                           fixed(share, 1) + " %"});
    }
    const bool limits = module.name == simulation.bottleneck;
    rows +=
        std::string(limits ? "<tr class=\"limits\">" : "<tr>") + "<th scope=\"row\">" +
        escape(module.name) + (limits ? " <small>bottleneck</small>" : "") +
        "</th><td class=\"barcell\">" +
        stacked_bar(parts, module.name + ": busy " + fixed(100 * module.utilisation(), 1) + " %") +
        "</td><td class=\"n\">" + fixed(100 * module.utilisation(), 1) + " %</td></tr>\n";
  }
  return "<figure><h4>Modules <small>what each did in every cycle of the run</small></h4>" +
         legend(entries) +
         "<div class=\"scroll\"><table class=\"bars\"><thead><tr><th>module</th>" +
         "<th></th><th class=\"n\">busy</th></tr></thead>\n<tbody>" + rows +
         "</tbody></table></div></figure>\n";
}

/// Share of the run's cycles with so many words in the FIFO, from empty at the left to full at the
/// right; several numbers of words share a bar where there are many.
std::string occupancy_picture(const StreamStatistics& stream) {
  constexpr int most_bars = 33;
  constexpr double width = 118, height = 22, base = 1;
  const int words_in_bar = (stream.depth + most_bars) / most_bars;  // of 0 .. depth words
  const int bars = stream.depth / words_in_bar + 1;
  const double pitch = width / bars;
  const double gap = bars > 12 ? 1 : 2;
  Drawing drawing(width, height + base, stream.name + ": cycles by words in it");
  drawing.line(0, height, width, height, "axis");
  for (int bar = 0; bar < bars; ++bar) {
    const int first = bar * words_in_bar;
    const int last = std::min(first + words_in_bar - 1, stream.depth);
    double share = 0;
    for (int words = first; words <= last; ++words) share += stream.share_at(words);
    if (share <= 0) continue;
    const double tall = std::max(1.0, share * (height - 1));
    const std::string words =
        first == last ? grouped(first) : grouped(first) + " to " + grouped(last);
    drawing.rectangle(bar * pitch + gap / 2, height - tall, pitch - gap, tall,
                      last == stream.depth ? "full" : "water",
                      stream.name + "\n" + words + (last == 1 && first == 1 ? " word" : " words") +
                          " in it\n" + fixed(100 * share, 2) + " % of the cycles");
  }
  return drawing.str();
}

std::string stream_bars(const Simulation& simulation) {
  const bool counted = std::any_of(simulation.streams.begin(), simulation.streams.end(),
                                   [](const auto& stream) { return !stream.cycles_at.empty(); });
  std::string rows;
  for (const StreamStatistics& stream : simulation.streams) {
    const double share =
        std::min(100.0, 100.0 * stream.high_water / static_cast<double>(std::max(1, stream.depth)));
    const bool full = stream.high_water >= stream.depth;
    const std::string numbers = grouped(stream.high_water) + " of " + grouped(stream.depth);
    rows += "<tr><th scope=\"row\">" + escape(stream.name) + "</th><td class=\"barcell\">" +
            stacked_bar({{share, full ? "full" : "water",
                          stream.name + "\nat most " + numbers + " words at once\n" +
                              grouped(stream.words) + " words in the run"},
                         {100 - share, "room", stream.name + "\nnever used"}},
                        stream.name + ": " + numbers) +
            "</td><td class=\"n\">" + numbers + "</td>";
    if (counted) {
      rows += "<td class=\"histogram\">" + occupancy_picture(stream) + "</td><td class=\"n\">" +
              fixed(stream.mean_words(), 2) + "</td>";
    }
    rows += "</tr>\n";
  }
  return "<figure><h4>FIFOs <small>most words at once, of the depth" +
         std::string(counted ? "; cycles by words in it, from empty to full" : "") +
         "</small></h4>" +
         legend({{"water", "filled"}, {"full", "was full: may hold up what is before it"}}) +
         "<div class=\"scroll\"><table class=\"bars" + std::string(counted ? " fifos" : "") +
         "\"><thead><tr><th>stream</th><th></th>"
         "<th class=\"n\">words</th>" +
         (counted ? "<th>cycles by words</th><th class=\"n\">mean</th>" : "") +
         "</tr></thead>\n<tbody>" + rows + "</tbody></table></div></figure>\n";
}

std::string layer_bars(const Simulation& simulation) {
  int64_t most = 1;
  for (const Simulation::LayerTime& layer : simulation.layers) most = std::max(most, layer.cycles);
  std::string rows;
  for (const Simulation::LayerTime& layer : simulation.layers) {
    const double share = 100.0 * static_cast<double>(layer.cycles) / static_cast<double>(most);
    const double useful = share * std::clamp(layer.utilisation, 0.0, 1.0);
    const std::string tip = layer.name + "\n" + grouped(layer.cycles) +
                            " cycles\nmultipliers used to " + fixed(100 * layer.utilisation, 1) +
                            " %";
    rows += "<tr><th scope=\"row\">" + escape(layer.name) + "</th><td class=\"barcell\">" +
            stacked_bar({{useful, "busy", tip}, {share - useful, "control", tip}}, tip) +
            "</td><td class=\"n\">" + grouped(layer.cycles) + "</td><td class=\"n\">" +
            fixed(100 * layer.utilisation, 1) + " %</td></tr>\n";
  }
  return "<figure><h4>Layers <small>cycles of each for one image</small></h4>" +
         legend({{"busy", "share of the multipliers that works"}, {"control", "the rest"}}) +
         "<div class=\"scroll\"><table class=\"bars\"><thead><tr><th>layer</th><th></th>"
         "<th class=\"n\">cycles</th><th class=\"n\">used</th></tr></thead>\n<tbody>" +
         rows + "</tbody></table></div></figure>\n";
}

std::string cycle_tile(const std::string& name, const std::string& value,
                       const std::string& detail) {
  return "<div class=\"tile\"><b>" + escape(value) + "</b><span>" + escape(name) +
         "</span><small>" + escape(detail) + "</small></div>\n";
}

std::string cycle_tiles(const Simulation& simulation) {
  const double clock = simulation.clock_mhz;
  const auto time = [&](int64_t cycles) {
    if (clock <= 0) return std::string();
    const double microseconds = static_cast<double>(cycles) / clock;
    return microseconds >= 1000 ? fixed(microseconds / 1000, 2) + " ms"
                                : fixed(microseconds, 1) + " \xC2\xB5s";
  };
  std::string text = "<div class=\"tiles\">" + cycle_tile("cycles to the first result",
                                                          grouped(simulation.first_image_cycles),
                                                          time(simulation.first_image_cycles));
  if (simulation.interval_cycles) {
    const int64_t interval = *simulation.interval_cycles;
    const bool rate = clock > 0 && interval > 0;
    text +=
        cycle_tile("cycles from image to image", grouped(interval),
                   rate ? fixed(clock * 1e6 / static_cast<double>(interval), 0) + " images/s" : "");
  }
  text += cycle_tile(
      "cycles for " + grouped(simulation.images) + (simulation.images == 1 ? " image" : " images"),
      grouped(simulation.total_cycles), time(simulation.total_cycles));
  if (!simulation.bottleneck.empty()) text += cycle_tile("bottleneck", simulation.bottleneck, "");
  if (clock > 0) text += cycle_tile("clock", coordinate(clock) + " MHz", "");
  return text + "</div>\n";
}

std::string list_of(const std::vector<std::string>& lines) {
  constexpr size_t shown = 40;
  std::string text = "<ul>";
  for (size_t i = 0; i < std::min(shown, lines.size()); ++i) {
    text += "<li>" + escape(lines[i]) + "</li>";
  }
  if (lines.size() > shown) {
    text += "<li>and " + grouped(static_cast<int64_t>(lines.size() - shown)) + " more</li>";
  }
  return text + "</ul>\n";
}

std::vector<std::string> reports(const Simulation& simulation) {
  std::vector<std::string> lines;
  for (const ErrorReport& r : simulation.reports) {
    lines.push_back(r.pe + ": " + grouped(r.outputs) + " outputs of its copies differ");
  }
  return lines;
}

std::string predictions(const Simulation& simulation) {
  constexpr int shown = 24;
  int64_t changed = 0;
  std::string rows;
  int count = 0;
  for (const Simulation::Prediction& line : simulation.predictions) {
    const bool differs = line.faulty != line.fault_free;
    changed += differs ? 1 : 0;
    const bool all_fit = simulation.predictions.size() <= shown;
    if ((!differs && !all_fit) || count == shown) continue;
    ++count;
    rows += std::string(differs ? "<tr class=\"changed\">" : "<tr>") + "<td class=\"n\">" +
            grouped(line.image) + "</td><td>" + escape(line.label) + "</td><td>" +
            escape(line.fault_free) + "</td><td>" + escape(line.faulty) + "</td></tr>\n";
  }
  const auto total = static_cast<int64_t>(simulation.predictions.size());
  std::string text = "<p>" + grouped(changed) + " of " + grouped(total) +
                     (total == 1 ? " prediction" : " predictions") + " changed.</p>\n";
  if (rows.empty()) return text;
  return text +
         "<div class=\"scroll\"><table><thead><tr><th class=\"n\">image</th><th>shows</th>"
         "<th>fault-free</th><th>with faults</th></tr></thead>\n<tbody>" +
         rows + "</tbody></table></div>\n";
}

std::string fault_part(const Simulation& simulation) {
  std::string text;
  if (simulation.agrees_with_reference) {
    const std::string expected = simulation.faults.empty() ? "what the integer reference computes"
                                                           : "what the fault analysis predicts";
    text += *simulation.agrees_with_reference
                ? "<p class=\"good\">Every output equals " + expected + ", bit for bit.</p>\n"
                : "<p class=\"bad\">Outputs differ from " + expected + ".</p>\n";
  }
  if (simulation.faults.empty()) return text;
  text += "<div class=\"figures\"><div><h4>Broken hardware</h4>" + list_of(simulation.faults) +
          "</div><div><h4>What that does to the network</h4>" +
          (simulation.effects.empty() ? "<p>Nothing: all of it is masked.</p>"
                                      : list_of(simulation.effects)) +
          "</div>";
  if (!simulation.reports.empty()) {
    text += "<div><h4>What comparators report</h4>" + list_of(reports(simulation)) + "</div>";
  }
  if (!simulation.predictions.empty()) {
    text += "<div><h4>Predictions</h4>" + predictions(simulation) + "</div>";
  }
  return text + "</div>\n";
}

bool same_cycles(const Simulation& a, const Simulation& b) {
  return a.accelerator == b.accelerator && a.images == b.images &&
         a.total_cycles == b.total_cycles && a.first_image_cycles == b.first_image_cycles &&
         a.interval_cycles == b.interval_cycles && a.bottleneck == b.bottleneck &&
         a.clock_mhz == b.clock_mhz && a.modules == b.modules && a.streams == b.streams &&
         a.layers == b.layers;
}

}  // namespace

std::string pe_section(const ReportInput& input) {
  if (input.pe_campaigns.empty()) return {};
  std::string text =
      "<section id=\"pes\">\n<h2>Processing elements</h2>\n<p>One broken processing element (PE) "
      "at a "
      "time; a cell is a PE, coloured by the worst of its faults. On a dataflow accelerator a PE "
      "computes a few channels of one layer; on a loopback accelerator it has a part in every "
      "layer.</p>\n" +
      damage_legend();
  for (const Campaigns& group : grouped_by(all_of(input.pe_campaigns), same_place)) {
    text += "<h3>" + escape(group.front()->accelerator) + " <small>" +
            escape(fault_noun(group.front()->kind)) + "</small></h3>\n<div class=\"figures\">\n";
    for (const Campaign* campaign : group) text += damage_figure(*campaign);
    text += "</div>\n";
  }
  return text + "</section>\n";
}

std::string simulation_section(const ReportInput& input) {
  if (input.simulations.empty()) return {};
  std::string text = "<section id=\"cycles\">\n<h2>Cycles</h2>\n";
  for (size_t i = 0; i < input.simulations.size(); ++i) {
    const Simulation& simulation = input.simulations[i];
    const auto count = static_cast<int64_t>(simulation.faults.size());
    const std::string state =
        count == 0 ? "fault-free"
                   : "with " + grouped(count) + (count == 1 ? " broken site" : " broken sites");
    text += "<article>\n<h3>" + escape(simulation.accelerator) + " <small>" +
            escape(simulation.network) + ", " + state + "</small></h3>\n" +
            cycle_tiles(simulation) + fault_part(simulation);
    const bool repeated = std::any_of(
        input.simulations.begin(), input.simulations.begin() + static_cast<std::ptrdiff_t>(i),
        [&](const Simulation& other) { return same_cycles(other, simulation); });
    if (repeated) {
      text +=
          "<p>Every module and FIFO took the same cycles as in the run above on this "
          "accelerator: these faults change values, not time.</p>\n";
    } else {
      text += "<div class=\"figures\">\n" +
              (simulation.modules.empty() ? "" : module_bars(simulation)) +
              (simulation.streams.empty() ? "" : stream_bars(simulation)) +
              (simulation.layers.empty() ? "" : layer_bars(simulation)) + "</div>\n";
    }
    text += "</article>\n";
  }
  return text + "</section>\n";
}

std::string recipe_section(const ReportInput& input) {
  if (input.recipes.empty()) return {};
  std::string text = "<section id=\"made\">\n<h2>How it was made</h2>\n";
  for (const Recipe& recipe : input.recipes) {
    text += "<details><summary>" + escape(recipe.title) + "</summary><pre>" + escape(recipe.text) +
            "</pre></details>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
