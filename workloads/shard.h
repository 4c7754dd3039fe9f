// Which part of some work is done here, where several machines share it.
#pragma once

namespace stuckat {

/// Number `index` of `count`: 0 <= index < count. What it takes, of images, runs or groups, says
/// who takes one.
struct Shard {
  int index = 0;
  int count = 1;

  bool operator==(const Shard&) const = default;
};

}  // namespace stuckat
