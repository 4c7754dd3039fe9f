// Right values of networks that others trained, and how they are compared.
#pragma once

#include <atomic>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "workloads/dataset.h"
#include "workloads/import/import.h"
#include "workloads/reference.h"
#include "workloads/sanitized.h"

namespace stuckat::test {

/// The words of each line that is no comment.
inline std::vector<std::vector<std::string>> expected_lines(const std::string& path) {
  std::vector<std::vector<std::string>> result;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    if (!row.empty() && row[0][0] != '#') result.push_back(row);
  }
  return result;
}

/// `words` from `first` on, `count` of them, as integers.
inline std::vector<int32_t> integers(const std::vector<std::string>& words, size_t first,
                                     size_t count) {
  std::vector<int32_t> result;
  for (size_t i = first; i < first + count; ++i) result.push_back(std::stoi(words.at(i)));
  return result;
}

/// visit(index, the result of the network for image index); two threads.
template <class Visit>
void for_results(const Network& network, const DataSet& data, int count, const Visit& visit) {
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int i = next++; i < count; i = next++) {
      visit(i, reference::run(network, input_tensor(network, data, i)).back().values);
    }
  };
  std::thread other(work);
  work();
  other.join();
}

/// Results for the first `count` images, in order.
inline std::vector<std::vector<int32_t>> results(const Network& network, const DataSet& data,
                                                 int count) {
  std::vector<std::vector<int32_t>> all(static_cast<size_t>(count));
  for_results(network, data, count,
              [&](int i, const std::vector<int32_t>& r) { all[static_cast<size_t>(i)] = r; });
  return all;
}

/// int8 inputs of a linear congruential generator, as networks/expected says.
inline DataSet generated_inputs(Shape shape, int count) {
  DataSet data;
  data.name = "generated";
  data.shape = shape;
  data.is_raw = true;
  data.is_signed = true;
  data.classes = 1;
  for (int i = 0; i < count; ++i) {
    uint64_t s = static_cast<uint64_t>(i) + 1;
    for (int k = 0; k < shape.size(); ++k) {
      s = (1103515245 * s + 12345) % (uint64_t{1} << 31);
      data.pixels.push_back(static_cast<uint8_t>(static_cast<int>((s >> 16) % 256) - 128));
    }
    data.labels.push_back(0);
  }
  return data;
}

inline Network imported(const std::string& path, const ImportOptions& options = {}) {
  return import_network(path, "", options).network;
}

}  // namespace stuckat::test
