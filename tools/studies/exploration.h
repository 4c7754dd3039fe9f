// The designs of an exploration, of every family that has a part in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/family.h"

namespace stuckat::studies {

class Sweep {
 public:
  /// What the families' own options ask for. Throws InputError. Both outlive it.
  Sweep(const Families& families, const explore::SweepValues& values, const Network& network);

  /// One more accelerator, with all that is varied.
  void add(const AcceleratorPtr& accelerator);
  /// Seeds and accelerators; of one family, by its prefix.
  int64_t size() const;
  int64_t size(const std::string& prefix) const;

  /// All designs: of the families' own options, in the order of the families, then of what was
  /// added. What `findings` know is not computed again. `progress` gets the share that is done.
  std::vector<explore::DesignPoint> explore(explore::Findings& findings,
                                            const std::function<void(double)>& progress);
  explore::TimingCounts timings() const;

 private:
  struct Member {
    const Family* family;
    std::unique_ptr<explore::Explorer> explorer;
    int64_t added = 0;
  };
  Member& member_of(const Accelerator& accelerator);

  const Families& families_;
  std::vector<Member> members_;
  std::vector<AcceleratorPtr> accelerators_;
};

}  // namespace stuckat::studies
