// What is done to a chip before any policy: broken PEs on spares, channels in another order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "faultmaps/mitigation/spare_pes.h"
#include "sim/protect/chip_orders.h"
#include "tools/stuckat/command_line.h"
#include "trainer/fleet/damage.h"
#include "trainer/workers.h"
#include "workloads/dataset.h"

namespace stuckat::cli {

class FleetHardware;

/// --repair, --spares.
void add_repair_options(CommandLine& line);
/// Whether --repair names any.
bool repairs_chips(const CommandLine& line);

/// Repairs of the chips of one kind. Everything that is chosen is measured on validation images,
/// when it is first asked for, and does not depend on threads.
class FleetRepair {
 public:
  /// validation: read where something is to be chosen; outlives it, as the hardware and the workers
  /// do. Throws InputError where there is nothing to repair by.
  FleetRepair(const CommandLine& line, const FleetHardware& hardware, const DataSet& validation,
              trainer::Workers& workers);

  bool any() const { return spares_ > 0 || reschedules_; }
  bool reschedules() const { return reschedules_; }
  bool maps_out() const { return spares_ > 0; }
  /// "spares 1, reschedule"; empty: none.
  std::string name() const;
  /// Of a chip.
  ProtectionCost cost() const;
  /// Layers whose channels have no other order, "LAYER: reason"; none without rescheduling.
  std::vector<std::string> fixed_layers() const;
  /// Some layer has one.
  bool moves() const;

  /// What acts behind spares. Where an array has more broken PEs than spares those are mapped out
  /// that cost most, each alone; of equals the first.
  FaultMap left(const FaultMap& map);
  /// Orders of channels for a chip, and its accuracy with them on the validation images.
  struct Order {
    ChannelOrders orders;
    double accuracy = 0;  ///< 0 .. 1
  };
  /// Around what is broken, by ranks that are measured once; as deployed (none) unless the other
  /// order is right more often on the validation images.
  Order order(const trainer::Damage& damage);

 private:
  double accuracy(const trainer::Damage& damage, const Network& network) const;
  protect::Meter& meter();
  /// Images right with nothing else broken.
  int64_t right(const FaultyPe& pe);

  const FleetHardware& hardware_;
  const DataSet& validation_;
  trainer::Workers& workers_;
  int spares_ = 0;
  bool reschedules_ = false;
  std::optional<protect::Meter> meter_;
  std::optional<protect::ChannelRanks> ranks_;
  std::map<std::vector<Fault>, int64_t> right_;
};

}  // namespace stuckat::cli
