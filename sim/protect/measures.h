// The measures as rows: each turns a campaign into candidates, that is how bad the campaign's
// faults still are, and what that costs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "faultmaps/mitigation/protection.h"
#include "faultmaps/placement.h"
#include "sim/campaign/result.h"
#include "sim/protect/meter.h"
#include "sim/protect/rescheduling.h"
#include "workloads/network.h"

namespace stuckat::protect {

/// One way to protect, against the faults of one campaign. Errors in percent.
struct Candidate {
  std::string measure;  ///< name of its row
  std::string detail;   ///< "3 PEs of 2 arrays", may be empty
  int64_t count = 0;    ///< channels, PEs or memories that are protected
  double macs = 1;      ///< cost of the fully unrolled network, as the paper counts it
  int64_t pes = 0;      ///< beside the accelerator's, here and below
  int64_t multipliers = 0;
  int64_t memory_bits = 0;
  double worst_error = 0;   ///< under the worst fault of the campaign, or without fault
  double mean_error = 0;    ///< over all faults of the campaign
  std::string worst_fault;  ///< name; empty: none is worse than error-free
  int64_t silent = 0;       ///< faults that still act and are not reported by a code
  bool pareto = false;      ///< none is at least as good in every cost and error, and better in one

  // What protects: to be written, and to be measured again.
  ChannelOrders orders;
  RedundantPes redundant;
  std::map<std::string, std::string> codes;  ///< by ARRAY/weights, ARRAY/thresholds
};

/// What rescheduling around each PE gains, PE by PE.
struct RescheduledPe {
  std::string pe;
  double placed_error = 0;  ///< percent, at the worst level
  double error = 0;         ///< with the chosen channels
  double mean_error = 0;    ///< with them, over all levels
  double random_error = 0;  ///< mean over random sets; that of placed where there are none
  bool optimal = false;
  int64_t measured = 0;   ///< sets that were measured for it: 0 where another PE's choice is taken
  std::string why_fixed;  ///< of layers that gain nothing; "LAYER: reason", several with "; "
  /// On images that the choice did not see; as the errors above where there are none.
  double checked_placed_error = 0;
  double checked_error = 0;
  ChannelSets sets;
};

struct MeasureInput {
  const Network& network;
  const Placement& placement;        ///< without protection
  const campaign::Result& evidence;  ///< whole, of this network and placement
  Meter* meter = nullptr;            ///< null: measures that need images are left out
  SearchOptions search = {};
  Meter* check = nullptr;  ///< other images of the network, on which choices are measured again
  std::vector<RescheduledPe>* rescheduled = nullptr;  ///< of the measure "reschedule", if wanted
};

struct MeasureRow {
  const char* name;
  const char* help;
  bool needs_images;
  /// Of campaigns that say nothing about it: nothing.
  void (*add)(const MeasureInput& input, std::vector<Candidate>& candidates);
};

/// none, channels, copies, clustered-copies, duplicates, spares, reschedule, one for each memory
/// code, range, checksum.
const std::vector<MeasureRow>& measures();

/// Throws InputError(where, ...) with the nearest name.
const MeasureRow& parse_measure(const std::string& name, const std::string& where);

/// Throws InputError(where, ...) for a campaign of another network or accelerator, a sample or a
/// shard.
void check_evidence(const MeasureInput& input, const std::string& where);

/// All candidates of these measures, the Pareto set marked. Throws as check_evidence() does.
std::vector<Candidate> candidates(const MeasureInput& input,
                                  const std::vector<const MeasureRow*>& rows,
                                  const std::string& where);

/// For every PE that computes channels; PEs that compute as many channels of the same layers share
/// the choice.
std::vector<RescheduledPe> reschedule_all(const MeasureInput& input);

/// For `n` channels of Replication::order: orders that put them on the first PEs of their arrays,
/// and these PEs, for three copies. What a folded accelerator needs for them.
Candidate realized_channels(const MeasureInput& input, int64_t n);

void mark_pareto(std::vector<Candidate>& candidates);

}  // namespace stuckat::protect
