// What a family's accelerator has besides, if FINN can build such.
#pragma once

#include <string>

#include "workloads/network.h"

namespace stuckat {

class FinnBuildable {
 public:
  virtual ~FinnBuildable() = default;

  /// The text of a folding_config.json that makes FINN build this accelerator. Throws InputError,
  /// with the part and the reason, where there is none.
  virtual std::string finn_folding(const Network& network) const = 0;
};

}  // namespace stuckat
