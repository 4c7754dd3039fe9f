// An accelerator of any other family with redundancy around it: PEs in copies with voters or
// comparators, spare PEs, memories with codes (faultmaps/mitigation/protection.h). FORMAT.md
// documents the JSON form.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faultmaps/mitigation/protection.h"
#include "models/accelerator.h"
#include "models/family.h"

namespace stuckat {

struct Protection {
  /// An array of which no PE is listed: all of them.
  RedundantPes pes;
  /// By "ARRAY/weights" or "ARRAY/thresholds": the name of a code (memory_codes()).
  std::map<std::string, std::string> codes;

  bool operator==(const Protection&) const = default;
};

/// Voters, comparators and decoders take no cycle [choice]: they are logic after registers that are
/// there anyway. So timing is that of the accelerator inside. In the simulation of those that have
/// them as hardware (HasHardwareProtection) copies compute, voters vote, comparators compare and
/// decoders decode;
/// others run what is left of the faults behind the protection.
class ProtectedAccelerator final : public Accelerator {
 public:
  ProtectedAccelerator(std::string name, AcceleratorPtr inside, Protection protection)
      : name_(std::move(name)), inside_(std::move(inside)), protection_(std::move(protection)) {}

  const Protection& protection() const { return protection_; }

  AcceleratorPtr inside() const override { return inside_; }
  std::string name() const override { return "protected:" + name_; }
  double clock_mhz() const override { return inside_->clock_mhz(); }
  std::string json(const Network& network) const override;
  Placement place(const Network& network) const override;
  std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const override {
    return inside_->timeline(network, images);
  }
  SimulationResult time(const Network& network, int64_t images) const override {
    return inside_->time(network, images);
  }
  SimulationResult simulate(const Network& network, const FaultMap& map,
                            const std::vector<Tensor>& images,
                            const Recording& recording) const override;
  Cost cost(const Network& network) const override;

 private:
  std::string name_;
  AcceleratorPtr inside_;
  Protection protection_;
};

/// The text of a file that names the accelerator inside as the command line does.
std::string protected_json(const std::string& name, const std::string& inside,
                           const Protection& protection);

using ParseInside = std::function<AcceleratorPtr(const std::string& name, const Network& network)>;

/// `where` names the text in errors; `default_name` is its name unless the text has one; a file
/// that the text names relative to itself is looked for in `folder` first. Throws InputError.
AcceleratorPtr protected_from_json(const std::string& json, const std::string& where,
                                   const std::string& default_name, const std::string& folder,
                                   const Network& network, const ParseInside& parse);

/// The row of this family; `parse` knows the others.
Family protected_family(const ParseInside& parse);

}  // namespace stuckat
