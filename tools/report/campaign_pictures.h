// The pictures of campaigns: all of one kind, on one accelerator, with faults; each a <figure>.
#pragma once

#include <string>

#include "tools/report/statistics.h"

namespace stuckat::report {

/// CSS class of a network's colour.
std::string series(const ReportInput& input, const Campaign& campaign);
std::string tip_of(const Campaign& campaign, const FaultOutcome& fault);
std::string figure(const std::string& title, const std::string& body, const std::string& caption,
                   const std::string& css_class = {});

/// FAT, Fig. 3.
std::string scatter(const ReportInput& input, const Campaigns& campaigns);
/// Every fault of every network by what it costs, worst first, on a logarithmic rank.
std::string sorted_curves(const ReportInput& input, const Campaigns& campaigns);
/// Of chips: which share of them keeps at least an accuracy.
std::string yield_curves(const ReportInput& input, const Campaigns& campaigns);
/// Every fault as a dot: layers side by side, in each a strip for each network, in the order of the
/// units. The campaigns have the same layers.
std::string strips(const ReportInput& input, const Campaigns& campaigns);

}  // namespace stuckat::report
