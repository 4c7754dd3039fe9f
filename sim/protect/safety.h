// A failure mode, effects and diagnostic analysis of an accelerator in the terms of ISO 26262-5
// (annexes C and D), with campaigns as evidence. Of single permanent faults of the modelled sites:
// no certificate.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "sim/campaign/result.h"
#include "sim/campaign/sampling.h"
#include "workloads/network.h"

namespace stuckat::protect {

using campaign::Estimate;

/// FIT (failures in 10^9 hours) of one site. Without a rate of its own a kind has the standard one
/// [choice]: equal rates for all bits; kinds of which a whole part gives one level (pe/dead,
/// stream/word, replica/dead) are abstractions of others and have none.
struct FailureRates {
  double standard = 0.001;
  std::map<std::string, double> kinds;  ///< by the name of a site kind

  double of(const SiteRow& row) const;
};

/// Lines "KIND,FIT", `*` for all others, after a line "site,fit". Throws InputError(path, line,
/// ...) on an unknown or repeated kind and on what is no rate.
FailureRates read_failure_rates(const std::string& path);

/// The sites of one kind at one part. Shares of faults, each value of a site equally likely.
struct SafetyRow {
  std::string kind;
  std::string part;
  std::string modes;  ///< "stuck at 0, 1"
  int64_t sites = 0;
  double fit = 0;         ///< of all of them
  int64_t faults = 0;     ///< sites times values
  int64_t examined = 0;   ///< of them, in the evidence; 0: there is none
  Estimate masked;        ///< no logit of any image changed
  Estimate tolerated;     ///< the loss is within the limit
  Estimate losing;        ///< it is above
  double worst_loss = 0;  ///< percentage points
  std::string mechanism;  ///< "voters", "secded", or empty
  /// Losing faults that the mechanism corrects or reports, as a share of the losing ones: its
  /// measured diagnostic coverage. 0 without mechanism.
  Estimate coverage;
  Estimate residual;        ///< share of all faults that lose, and nothing corrects or reports
  double residual_fit = 0;  ///< single-point faults, and residual ones beside a mechanism
  double detected_fit = 0;  ///< multiple-point faults that are reported
  double latent_fit = 0;    ///< multiple-point faults that nobody sees
};

struct SafetyCase {
  double limit = 0;  ///< points of accuracy that a fault may cost
  double fit = 0;
  Estimate residual_fit;
  Estimate spfm;  ///< single-point fault metric: 1 - residual / all
  Estimate lfm;   ///< latent-fault metric: 1 - latent / (all - residual)
  std::vector<SafetyRow> rows;
  int64_t without_evidence = 0;  ///< rows that count as losing throughout for want of a campaign
};

struct SafetyInput {
  const Network& network;
  /// What is judged; may have voters and codes.
  const Placement& placement;
  /// The same without them: what the campaigns are of. Equal to `placement` if it has none.
  const Placement& inside;
  FailureRates rates;
  double limit = 1;          ///< percentage points
  bool reports = true;       ///< voters and decoders report what they correct
  double confidence = 0.95;  ///< of intervals where a campaign is a sample that does not say
};

/// evidence: campaigns `sites:KIND` (or `pe`) on the accelerator inside, whole or sampled; names of
/// files in `where`. A part of which a kind has no campaign counts as losing throughout. Sites of
/// the protection need none: what they leave behind is that of sites of the accelerator inside.
/// Throws InputError where a campaign is about another network or accelerator, of faults that are
/// no single permanent sites, a shard, or where a kind has two.
SafetyCase safety_case(const SafetyInput& input, const std::vector<campaign::Result>& evidence,
                       const std::vector<std::string>& where);

/// One line for each row.
std::string safety_csv(const SafetyCase& safety);

}  // namespace stuckat::protect
