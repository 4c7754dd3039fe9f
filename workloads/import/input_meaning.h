// What the bytes of a data set mean to a network. Inside workloads/import only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "workloads/import/import.h"

namespace stuckat::importing {

/// ImportOptions::pixels, mean and deviation, checked.
class PixelMeaning {
 public:
  /// Throws InputError for a name that is not known, and for means of another number than 0, 1 or
  /// `channels`.
  PixelMeaning(const ImportOptions& options, int channels, const std::string& where);

  bool is_automatic() const { return kind_ == "auto" && !changed_; }
  /// The byte is the stored code itself (two's complement).
  bool is_code() const { return kind_ == "int8"; }
  /// 1, or as many as the image has.
  int channels() const;
  /// What pixel byte 0 .. 255 of a channel is: with `auto`, p / 255. In double arithmetic.
  double real(int byte, int channel) const;

 private:
  std::string kind_;
  bool changed_ = false;
  std::vector<double> mean_, deviation_;
};

/// A map for int8 integers -128 .. 127.
InputMap byte_codes(const std::function<int(int)>& value);

/// At most `count` bytes from the start of a file; none if it cannot be read.
std::vector<uint8_t> first_bytes(const std::string& path, size_t count);

}  // namespace stuckat::importing
