#include "tools/studies/replay.h"

#include "workloads/errors.h"

namespace stuckat::studies {
namespace {

StuckUnit unit_of(const Network& network, const campaign::FaultInfo& info) {
  StuckUnit unit{0, info.level, info.channel, info.y, info.x};
  const bool before_pool = info.id.find("before-pool") != std::string::npos;
  const bool own_output = info.channel >= 0 || before_pool;
  unit.tensor = own_output ? Network::output_tensor(info.layer)
                           : network.after_pools(Network::output_tensor(info.layer));
  return unit;
}

}  // namespace

BrokenHardware broken_hardware(const Families& families, const CampaignHardware& hardware,
                               const campaign::FaultSet& faults, int64_t fault) {
  const campaign::FaultInfo info = faults.info(fault);
  if (info.part.empty() && info.layer >= 0 && (info.channel >= 0 || info.y >= 0)) {
    for (const Family& family : families.rows()) {
      if (!family.stuck_unit) continue;
      return family.stuck_unit(hardware.network, unit_of(hardware.network, info), info.id);
    }
  }
  if (!hardware.accelerator) {
    throw InputError(info.id, "names hardware, and the campaign has none");
  }
  FaultMap map{hardware.placement.accelerator, faults.faults(fault)};
  validate(map, hardware.placement, hardware.network, info.id);
  return {hardware.accelerator, map};
}

}  // namespace stuckat::studies
