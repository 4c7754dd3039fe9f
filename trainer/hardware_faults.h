// Training for a given accelerator: faults of its sites as effects on the network, drawn for every
// step (placement-aware FAT) or fixed (one known chip).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/site_index.h"
#include "trainer/model.h"
#include "trainer/train.h"

namespace stuckat::trainer {

class HardwareFaults {
 public:
  /// with_draws: hardware.sites break at random. Throws InputError if the map does not fit, or the
  /// accelerator has none of the sites.
  HardwareFaults(const Hardware& hardware, bool with_draws, uint64_t seed,
                 const Network& architecture);

  bool any() const { return index_ != nullptr; }
  /// For steps in which weights are real numbers: throws InputError where the faults, or faults
  /// that may be drawn, change the arithmetic of a PE or logits.
  void check_real_weights() const;

  /// Draws for a step: each site is broken with probability percent/100, independently, stuck at
  /// any of its values. What a broken memory reads depends on what it stores: that is the network
  /// as it would be exported now.
  void draw(const Model& model, double percent, uint64_t step, int samples);
  const Effects& common() const { return common_; }  ///< of the last draw
  const std::vector<Effects>& of_samples() const {
    return of_samples_;
  }  ///< likewise; may be empty

  /// What the chip's own faults do to an exported network.
  Effects chip_effects(const Network& network) const;

 private:
  void check_sample_draws() const;
  /// check(effects of a fault at one site, name of its kind) for each value of each part that
  /// draws may break: the sites of a part are alike.
  template <class Check>
  void for_drawn_kinds(const Check& check) const;
  /// Into exported_: the layers whose memories the map breaks.
  void export_memories(const Model& model, const FaultMap& map);
  Effects effects_now(const Model& model, const FaultMap& map);
  FaultMap random_faults(double percent, uint64_t step, uint64_t sample) const;
  FaultMap with_chip(FaultMap drawn) const;

  Hardware hardware_;
  bool with_draws_ = false;
  uint64_t seed_ = 0;
  std::unique_ptr<SiteIndex> index_;  // null if nothing is ever broken
  Network exported_;                  // as far as broken memories store it; else the architecture
  Effects common_;
  std::vector<Effects> of_samples_;
};

}  // namespace stuckat::trainer
