// What is broken, drawn over the parts of the accelerator.
#include "tools/report/sections.h"
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
    for (const FaultMaps::Chip& chip : maps.drawn) {
      if (maps.chips > 1) {
        text += "<h4>chip " + std::to_string(chip.number) + " <small>" + grouped(chip.faults) +
                (chip.faults == 1 ? " fault" : " faults") + "</small></h4>\n";
      }
      text += chip.faults == 0 ? "<p>nothing is broken</p>\n"
                               : map_figures(chip.pictures, chip.memories);
    }
    const auto more = maps.chips - static_cast<int64_t>(maps.drawn.size());
    if (more > 0) text += "<p>and " + grouped(more) + " more</p>\n";
    text += "</article>\n";
  }
  return text + "</section>\n";
}

}  // namespace stuckat::report
