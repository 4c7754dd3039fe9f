// What the tests against PyTorch share.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "trainer/product.h"
#include "trainer/random.h"
#include "workloads/sanitized.h"

namespace stuckat::test {

/// `count` images from number `first` on, as images_of() in train_in_pytorch.py draws them: a block
/// tensor.
inline std::vector<int8_t> pytorch_images(Shape shape, int first, int count) {
  using trainer::lanes;
  const trainer::Sequence random(1, trainer::Purpose::order);
  const size_t block = trainer::block_elements(shape);
  std::vector<int8_t> images(static_cast<size_t>(trainer::block_count(count)) * block);
  for (int n = 0; n < count; ++n) {
    for (int e = 0; e < shape.size(); ++e) {
      const auto drawn = static_cast<uint64_t>(first + n) * static_cast<uint64_t>(shape.size()) +
                         static_cast<uint64_t>(e);
      images[static_cast<size_t>(n / lanes) * block + static_cast<size_t>(e * lanes + n % lanes)] =
          static_cast<int8_t>(random.below(drawn, 256) - 128);
    }
  }
  return images;
}

/// What a script prints that needs PyTorch; the test is skipped where there is none, or no Python.
inline std::string from_pytorch(const std::string& command) {
  if (sanitized) skip("nothing of ours runs there");
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe");
  std::string text;
  std::array<char, 256> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
  const int result = pclose(pipe);
  const int status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
  if (status == 3 || status == 126 || status == 127) skip(text);
  INFO(text);
  REQUIRE(status == 0);
  return text;
}

}  // namespace stuckat::test
