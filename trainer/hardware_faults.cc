#include "trainer/hardware_faults.h"

#include <algorithm>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "trainer/random.h"
#include "workloads/errors.h"

namespace stuckat::trainer {

namespace {

/// What a single sample can have of its own: values that are overwritten, where they are computed
/// or where they are read.
void check_overwrites(const Effects& effects, const std::string& where, const std::string& what) {
  if (effects.patches.empty() && effects.operators.empty() && effects.pools.empty()) return;
  throw InputError(where, what + " cannot be broken for a single sample",
                   "draws for whole batches, or sites that overwrite values, such as pe/dead, "
                   "pe/output and stream/word");
}

}  // namespace

HardwareFaults::HardwareFaults(const Hardware& hardware, bool with_draws, uint64_t seed,
                               const Network& architecture)
    : hardware_(hardware), with_draws_(with_draws), seed_(seed), architecture_(architecture) {
  if (!with_draws && hardware.chip.faults.empty()) return;
  const std::string& where = hardware.placement.accelerator;
  if (where.empty()) {
    throw InputError("training", "faults of hardware without an accelerator", "an accelerator");
  }
  validate(hardware_.placement, architecture);
  index_ = std::make_unique<SiteIndex>(hardware_.placement, architecture);
  if (!hardware_.chip.faults.empty()) validate(hardware_.chip, *index_, where);
  if (!with_draws) return;
  for (const SiteKind kind : hardware_.sites) {
    const auto spaces = index_->of(kind);
    if (std::any_of(spaces.begin(), spaces.end(), [](const auto& s) { return s.sites() > 0; })) {
      continue;
    }
    throw InputError(where, std::string("has no sites of the kind ") + site_row(kind).name,
                     "sites that it has");
  }
  if (hardware_.sites.empty()) throw InputError("training", "no kinds of sites", "one at least");
  if (hardware_.draw == Draw::sample) check_sample_draws();
}

// Before anything is trained: whether a draw hits such a site is a matter of luck. The sites of a
// part are alike.
void HardwareFaults::check_sample_draws() const {
  const Network network = export_network(initial_model(architecture_, seed_));
  for (const SiteKind kind : hardware_.sites) {
    for (const SiteSpace& space : index_->of(kind)) {
      if (space.sites() == 0) continue;
      for (const int value : space.values) {
        FaultMap map;
        map.faults = {space.at(0)};
        map.faults.front().value = value;
        check_overwrites(lower(map, hardware_.placement, network), hardware_.placement.accelerator,
                         site_row(kind).name);
      }
    }
  }
}

FaultMap HardwareFaults::random_faults(double percent, uint64_t step, uint64_t sample) const {
  const Sequence random(seed_, Purpose::chip, step, sample);
  return random_map(hardware_.sites, percent / 100, random.draw(0), *index_);
}

void HardwareFaults::draw(const Model& model, double percent, uint64_t step, int samples) {
  const Network network = export_network(model);
  const bool for_samples = with_draws_ && hardware_.draw == Draw::sample;
  FaultMap map = hardware_.chip;
  if (with_draws_ && !for_samples) {
    FaultMap drawn = random_faults(percent, step, 0);
    // Where the chip is broken already it stays as it is.
    for (const Fault& fault : drawn.faults) {
      const bool taken = std::any_of(map.faults.begin(), map.faults.end(), [&](const Fault& f) {
        return f.kind == fault.kind && f.part == fault.part && f.coordinates == fault.coordinates;
      });
      if (!taken) map.faults.push_back(fault);
    }
  }
  common_ = lower(map, hardware_.placement, network);
  of_samples_.clear();
  for (int n = 0; for_samples && n < samples; ++n) {
    of_samples_.push_back(lower(random_faults(percent, step, static_cast<uint64_t>(n)),
                                hardware_.placement, network));
    check_overwrites(of_samples_.back(), hardware_.placement.accelerator, "such a part");
  }
}

Effects HardwareFaults::chip_effects(const Network& network) const {
  return lower(hardware_.chip, hardware_.placement, network);
}

}  // namespace stuckat::trainer
