#include "workloads/import/input_meaning.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "workloads/errors.h"

namespace stuckat {

const std::vector<std::pair<std::string, std::string>>& pixel_maps() {
  static const std::vector<std::pair<std::string, std::string>> rows = {
      {"auto", "what the format is used with: p - 128 for int8 (TFLite), else p / 255"},
      {"unit", "p / 255"},
      {"signed", "2 p / 255 - 1"},
      {"byte", "p"},
      {"int8", "the byte as two's complement, a code of the first quantizer"},
  };
  return rows;
}

namespace importing {

PixelMeaning::PixelMeaning(const ImportOptions& options, int channels, const std::string& where)
    : kind_(options.pixels), mean_(options.mean), deviation_(options.deviation) {
  std::vector<std::string> known;
  for (const auto& [name, help] : pixel_maps()) known.push_back(name);
  if (std::find(known.begin(), known.end(), kind_) == known.end()) {
    throw_unknown_name("--pixels", "meaning of pixels", kind_, known);
  }
  changed_ = !mean_.empty() || !deviation_.empty();
  for (const auto* list : {&mean_, &deviation_}) {
    const auto count = static_cast<int>(list->size());
    if (count > 1 && count != channels) {
      throw InputError(where, std::to_string(count) + " means or deviations",
                       "one, or one for each of the " + std::to_string(channels) + " channels");
    }
  }
  for (const double d : deviation_) {
    if (d == 0.0 || !std::isfinite(d)) throw InputError("--deviation", "0", "another number");
  }
  for (const double m : mean_) {
    if (!std::isfinite(m)) throw InputError("--mean", "no finite number", "one");
  }
  if (is_code() && changed_) {
    throw InputError("--pixels", "int8 with a mean or deviation", "one of both");
  }
}

int PixelMeaning::channels() const {
  return static_cast<int>(std::max({size_t{1}, mean_.size(), deviation_.size()}));
}

double PixelMeaning::real(int byte, int channel) const {
  const auto of = [&](const std::vector<double>& list, double otherwise) {
    return list.empty() ? otherwise : list[list.size() == 1 ? 0 : static_cast<size_t>(channel)];
  };
  double real = byte;
  if (kind_ == "auto" || kind_ == "unit") real = byte / 255.0;
  if (kind_ == "signed") real = 2 * byte / 255.0 - 1;
  if (is_code() && byte > 127) real = byte - 256;
  return (real - of(mean_, 0)) / of(deviation_, 1);
}

InputMap byte_codes(const std::function<int(int)>& value) {
  InputMap map;
  for (int byte = -128; byte < 128; ++byte) map.integers.push_back(value(byte));
  return map;
}

std::vector<uint8_t> first_bytes(const std::string& path, size_t count) {
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> bytes(count);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

}  // namespace importing
}  // namespace stuckat
