// The parts of the page, each as HTML; empty text where the input has nothing for it.
#pragma once

#include <string>
#include <string_view>

#include "tools/report/report.h"

namespace stuckat::report {

/// CSS of the page, both colour schemes, and the script that shows tips at once.
extern const std::string_view page_style;
extern const std::string_view page_script;

std::string campaign_section(const ReportInput& input);
std::string pe_section(const ReportInput& input);
std::string simulation_section(const ReportInput& input);
std::string exploration_section(const ReportInput& input);
std::string map_section(const ReportInput& input);
std::string fleet_section(const ReportInput& input);
/// In a sentence.
std::string fleet_sentence(const Fleet& fleet);
std::string protection_section(const ReportInput& input);
/// Lots of chips with broken memories, sharpness, zeros among activations.
std::string memory_section(const ReportInput& input);
/// In a sentence; empty if no rate costs a point.
std::string memory_sentence(const MemoryLots& lots);
/// Pictures of one map side by side, and what is said about its memories.
std::string map_figures(const std::vector<std::string>& pictures,
                        const std::vector<std::string>& memories);
/// The first faults of a map of `all`, each with what it does to the network, or why nothing.
std::string fault_list(const std::vector<FaultLine>& faults, int64_t all);
std::string recipe_section(const ReportInput& input);
/// What the page's words mean: the same on every page.
std::string glossary_section();

}  // namespace stuckat::report
