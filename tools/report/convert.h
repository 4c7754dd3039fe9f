// From the results of the libraries to the values of the report.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "sim/campaign/result.h"
#include "tools/report/report.h"
#include "workloads/network.h"

namespace stuckat::report {

/// Groups are layers (channel and pixel faults), parts (faults of hardware) or one for all (chips
/// of fault maps). The result knows only the units that have a fault; where `network` and
/// `placement` are given, their channels and PEs are counted too, so that samples leave gaps. The
/// accelerator's name comes from the placement, else from the result's configuration.
Campaign from_campaign(const std::string& label, const campaign::Result& result,
                       const Network* network = nullptr, const Placement* placement = nullptr);

/// Every fault is one of a PE: such results make damage maps.
bool is_pe_campaign(const campaign::Result& result);

/// from_campaign() into input.pe_campaigns or input.campaigns; its data set, hashes and
/// configuration into the input where they are not yet, and the network where the label is new.
/// Throws InputError if the label stands for a network of another hash.
void add_campaign(ReportInput& input, const std::string& label, const campaign::Result& result,
                  const Network* network = nullptr, const Placement* placement = nullptr);

}  // namespace stuckat::report
