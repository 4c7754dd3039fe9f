#include "workloads/cifar_reader.h"

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {

std::vector<uint8_t> read_cifar_records(const std::vector<std::string>& paths) {
  std::vector<uint8_t> records;
  for (const std::string& path : paths) {
    const std::vector<uint8_t> bytes = read_whole_file(path);
    if (bytes.empty() || bytes.size() % cifar_record_bytes != 0) {
      throw InputError(path, "holds " + std::to_string(bytes.size()) + " bytes",
                       "a multiple of 3073 (label, red, green, blue)");
    }
    records.insert(records.end(), bytes.begin(), bytes.end());
  }
  return records;
}

void cifar_pixels(const uint8_t* record, uint8_t* pixels) {
  constexpr int plane = cifar_side * cifar_side;
  for (int c = 0; c < cifar_channels; ++c) {
    for (int i = 0; i < plane; ++i) pixels[i * cifar_channels + c] = record[1 + c * plane + i];
  }
}

}  // namespace stuckat
