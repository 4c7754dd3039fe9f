// What is broken, drawn over the parts of the accelerator.
#include <algorithm>

#include "tools/report/sections.h"
#include "tools/report/statistics.h"
#include "tools/report/svg.h"

namespace stuckat::report {

std::string map_figures(const std::vector<std::string>& pictures,
                        const std::vector<std::string>& memories) {
  std::string text;
  if (!pictures.empty()) {
    text += "<div class=\"maps\">";
    for (const std::string& picture : pictures) {
      text += "<figure><div class=\"scroll\">" + picture + "</div></figure>\n";
    }
    text += "</div>\n";
  }
  for (const std::string& memory : memories) text += "<p>" + escape(memory) + "</p>\n";
  return text;
}

std::string fault_list(const std::vector<FaultLine>& faults, int64_t all) {
  constexpr size_t shown = 40;
  constexpr size_t effects_shown = 12;
  if (faults.empty()) return "<p>Nothing is broken.</p>\n";
  std::string text = "<dl class=\"faults\">\n";
  const size_t listed = std::min(shown, faults.size());
  for (size_t i = 0; i < listed; ++i) {
    const FaultLine& line = faults[i];
    text += "<dt><code>" + escape(line.name) + "</code></dt>";
    for (size_t e = 0; e < std::min(effects_shown, line.effects.size()); ++e) {
      text += "<dd>" + escape(line.effects[e]) + "</dd>";
    }
    if (line.effects.size() > effects_shown) {
      text += "<dd>and " + grouped(static_cast<int64_t>(line.effects.size() - effects_shown)) +
              " more</dd>";
    }
    if (line.effects.empty()) {
      text +=
          "<dd>no effect on this network. Without effect when " + escape(line.masked) + ".</dd>";
    }
    text += "\n";
  }
  text += "</dl>\n";
  const int64_t more = all - static_cast<int64_t>(listed);
  if (more > 0) text += "<p>and " + grouped(more) + " more</p>\n";
  return text;
}

namespace {

/// "83.20 % right, 1.10 points lost" of a chip that a campaign examined; else "".
std::string accuracy_of(const ReportInput& input, const FaultMaps& maps, int64_t chip) {
  const std::string id = maps.file + "[" + std::to_string(chip) + "]";
  for (const auto* campaigns : {&input.campaigns, &input.pe_campaigns}) {
    for (const Campaign& campaign : *campaigns) {
      if (campaign.network != maps.label) continue;
      for (const FaultOutcome& fault : campaign.faults) {
        if (fault.id != id) continue;
        return fixed(accuracy(campaign, fault), 2) + " % right, " +
               fixed(points_lost(campaign, fault), 2) + " points lost on " +
               count_of(campaign.images, "image");
      }
    }
  }
  return {};
}

}  // namespace

std::string map_section(const ReportInput& input) {
  if (input.maps.empty()) return {};
  std::string text =
      "<section id=\"maps\">\n<h2>Fault maps</h2>\n<p>Rows are PEs: the first column is the PE "
      "itself, the others are its lanes, each with every word of its weight memory. Rows of "
      "other parts are slots or addresses. The darker, the more faults; black: all of it is "
      "dead.</p>\n";
  for (const FaultMaps& maps : input.maps) {
    text += "<article>\n<h3>" + escape(maps.label) + " <small>" + escape(maps.accelerator) + ", " +
            grouped(maps.chips) + (maps.chips == 1 ? " chip, " : " chips, ") +
            grouped(maps.faults) + (maps.faults == 1 ? " fault" : " faults") + "</small></h3>\n";
    if (!maps.made.empty()) text += "<p>Drawn by</p>\n<pre>" + escape(maps.made) + "</pre>\n";
    for (const FaultMaps::Chip& chip : maps.drawn) {
      const std::string accuracy = accuracy_of(input, maps, chip.number);
      text += "<h4>chip " + std::to_string(chip.number) + " <small>" + grouped(chip.faults) +
              (chip.faults == 1 ? " fault" : " faults") +
              (accuracy.empty() ? "" : "; " + accuracy) + "</small></h4>\n";
      text += chip.faults == 0 ? "<p>nothing is broken</p>\n"
                               : map_figures(chip.pictures, chip.memories) +
                                     "<details><summary>What each fault does</summary>\n" +
                                     fault_list(chip.lines, chip.faults) + "</details>\n";
    }
    const auto more = maps.chips - static_cast<int64_t>(maps.drawn.size());
    if (more > 0) text += "<p>and " + grouped(more) + " more</p>\n";
    text += "</article>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
