// A data set of random images that differ a little by class.
#pragma once

#include "trainer/random.h"
#include "workloads/dataset.h"

namespace stuckat::test {

inline DataSet noise(Shape shape, int count) {
  DataSet data;
  data.name = "noise";
  data.shape = shape;
  data.classes = 10;
  const trainer::Sequence random(5, trainer::Purpose::order);
  for (int n = 0; n < count; ++n) {
    data.labels.push_back(static_cast<uint16_t>(n % 10));
    for (int i = 0; i < shape.size(); ++i) {
      data.pixels.push_back(static_cast<uint8_t>(
          random.below(static_cast<uint64_t>(n * shape.size() + i), 200) + 5 * (n % 10)));
    }
  }
  return data;
}

}  // namespace stuckat::test
