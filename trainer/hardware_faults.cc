#include "trainer/hardware_faults.h"

#include <algorithm>
#include <set>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "faultmaps/operations.h"
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
    : hardware_(hardware), with_draws_(with_draws), seed_(seed), exported_(architecture) {
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

template <class Check>
void HardwareFaults::for_drawn_kinds(const Check& check) const {
  const Network network = export_network(initial_model(exported_, seed_));
  for (const SiteKind kind : hardware_.sites) {
    for (const SiteSpace& space : index_->of(kind)) {
      if (space.sites() == 0) continue;
      for (const int value : space.values) {
        FaultMap map;
        map.faults = {space.at(0)};
        map.faults.front().value = value;
        check(lower(map, hardware_.placement, network), site_row(kind).name);
      }
    }
  }
}

// Before anything is trained: whether a draw hits such a site is a matter of luck.
void HardwareFaults::check_sample_draws() const {
  for_drawn_kinds([&](const Effects& effects, const char* kind) {
    check_overwrites(effects, hardware_.placement.accelerator, kind);
  });
}

void HardwareFaults::check_real_weights() const {
  if (!any()) return;
  const auto check = [&](const Effects& effects, const std::string& what) {
    const bool logits =
        std::any_of(effects.elements.begin(), effects.elements.end(),
                    [&](const ElementFault& f) { return f.tensor + 1 == exported_.tensors(); });
    if (effects.operators.empty() && effects.windows.empty() && !logits) return;
    throw InputError(hardware_.placement.accelerator,
                     what + " cannot be broken where weights are real numbers (saq, qasam)",
                     "sites that change weights, thresholds, operands or values, or sam or asam");
  };
  if (with_draws_) for_drawn_kinds(check);
  check(chip_effects(export_network(initial_model(exported_, seed_))), "what the fault map breaks");
}

FaultMap HardwareFaults::random_faults(double percent, uint64_t step, uint64_t sample) const {
  const Sequence random(seed_, Purpose::chip, step, sample);
  return random_map(hardware_.sites, percent / 100, random.draw(0), *index_);
}

void HardwareFaults::export_memories(const Model& model, const FaultMap& map) {
  std::set<int> layers;
  const std::string* part = nullptr;  // of the fault before: neighbours share theirs
  for (const Fault& fault : map.faults) {
    if (site_row(fault.kind).is(any_parameters) || (part != nullptr && *part == fault.part))
      continue;
    part = &fault.part;
    bool is_array = false;
    for (const PeArray& array : hardware_.placement.arrays) {
      if (array.name != *part) continue;
      is_array = true;
      for (const ArrayUse& use : array.uses) layers.insert(use.layer);
    }
    // A part of a registered kind may work for any layer.
    for (int i = 0; !is_array && i < static_cast<int>(exported_.layers.size()); ++i) {
      if (exported_.layer(i).has_weights()) layers.insert(i);
    }
  }
  for (const int layer : layers) {
    const auto i = static_cast<size_t>(layer);
    export_layer(model, layer, exported_.layers[i]);
  }
}

Effects HardwareFaults::effects_now(const Model& model, const FaultMap& map) {
  export_memories(model, map);
  return lower(map, hardware_.placement, exported_);
}

FaultMap HardwareFaults::with_chip(FaultMap drawn) const {
  if (hardware_.chip.faults.empty()) return drawn;
  // Where the chip is broken already it stays as it is.
  return unite(hardware_.chip, drawn, Contradiction::first_wins, "training");
}

void HardwareFaults::draw(const Model& model, double percent, uint64_t step, int samples) {
  const bool for_samples = with_draws_ && hardware_.draw == Draw::sample;
  common_ = with_draws_ && !for_samples
                ? effects_now(model, with_chip(random_faults(percent, step, 0)))
                : effects_now(model, hardware_.chip);
  of_samples_.clear();
  for (int n = 0; for_samples && n < samples; ++n) {
    of_samples_.push_back(
        effects_now(model, random_faults(percent, step, static_cast<uint64_t>(n))));
    check_overwrites(of_samples_.back(), hardware_.placement.accelerator, "such a part");
  }
}

Effects HardwareFaults::chip_effects(const Network& network) const {
  if (hardware_.chip.faults.empty()) return {};
  return lower(hardware_.chip, hardware_.placement, network);
}

}  // namespace stuckat::trainer
