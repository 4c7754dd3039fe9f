#include "tools/studies/replay.h"

#include "workloads/errors.h"

namespace stuckat::studies {
namespace {

/// Of a stuck channel or pixel, whose effect is elements of one tensor.
StuckUnit unit_of(const campaign::FaultInfo& info, const Effects& effects) {
  return {effects.elements.front().tensor, info.level, info.channel, info.y, info.x};
}

}  // namespace

BrokenHardware broken_hardware(const Families& families, const CampaignHardware& hardware,
                               const campaign::FaultSet& faults, int64_t fault) {
  const campaign::FaultInfo info = faults.info(fault);
  const std::vector<Fault> broken = faults.faults(fault);
  if (broken.empty() && info.layer >= 0) {
    const Effects effects = faults.effects(fault);
    if (effects.size() != 1 || effects.elements.size() != 1) {
      throw InputError(info.id, "is of no hardware, and no stuck channel or pixel",
                       "a fault that an accelerator can have");
    }
    for (const Family& family : families.rows()) {
      if (!family.stuck_unit) continue;
      return family.stuck_unit(hardware.network, unit_of(info, effects), info.id);
    }
  }
  if (!hardware.accelerator) {
    throw InputError(info.id, "names hardware, and the campaign has none");
  }
  FaultMap map{hardware.placement.accelerator, broken};
  validate(map, hardware.placement, hardware.network, info.id);
  return {hardware.accelerator, map};
}

}  // namespace stuckat::studies
