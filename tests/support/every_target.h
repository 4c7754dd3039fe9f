// Runs a test once for each instruction set that this machine can run.
#pragma once

#include "sim/fast/highway_targets.h"
#include "tests/support/catch.h"
// after what it says to Highway
#include <hwy/targets.h>

namespace stuckat::test {

template <typename Body>
void for_every_target(Body&& body) {
  const int64_t all = hwy::SupportedTargets();
  for (int64_t left = all; left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    CAPTURE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace stuckat::test
