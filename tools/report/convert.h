// From the results of the libraries to the values of the report. Needs no SystemC: the headers of
// the accelerators' results do not include it.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "models/dataflow/simulation.h"
#include "models/loopback/simulation.h"
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

/// Cycles and statistics; predictions and faults are added by the two functions below.
Simulation from_dataflow(const std::string& label, const dataflow::DataflowAccelerator& accelerator,
                         const dataflow::DataflowResult& result);
Simulation from_loopback(const std::string& label, const loopback::LoopbackAccelerator& accelerator,
                         const loopback::LoopbackResult& result);

/// Names of the map's faults and what lower() made of them.
void add_faults(Simulation& simulation, const FaultMap& map, const Effects& effects,
                const Network& network);

/// Logits of the reference without faults and of the run, both [image][class]; labels [image] or
/// empty. Image i is called first_image + i. Class names are those of `class_names`, else numbers.
void add_predictions(Simulation& simulation, const std::vector<std::vector<int32_t>>& fault_free,
                     const std::vector<std::vector<int32_t>>& with_faults,
                     const std::vector<int>& labels, const std::vector<std::string>& class_names,
                     int64_t first_image = 0);

}  // namespace stuckat::report
