// CIFAR record files: for each image a label byte, then 32x32 bytes of red, of green, of blue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

inline constexpr int cifar_side = 32;
inline constexpr int cifar_channels = 3;
inline constexpr size_t cifar_record_bytes = 1 + cifar_side * cifar_side * cifar_channels;

/// The records of `paths`, one file after the other, packed or not (compressed_file.h). Throws
/// InputError unless each file holds whole records, one at least.
std::vector<uint8_t> read_cifar_records(const std::vector<std::string>& paths);

/// Pixels of one record, from planes to [32][32][3].
void cifar_pixels(const uint8_t* record, uint8_t* pixels);

}  // namespace stuckat
