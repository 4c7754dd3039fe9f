#include "workloads/raw_reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <sstream>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/npy_reader.h"

namespace stuckat {
namespace {

namespace fs = std::filesystem;

constexpr int64_t most_classes = 65535;

/// Shape of one input of an array [inputs]...; throws for other numbers of dimensions.
Shape shape_of(const std::vector<int64_t>& extents, bool channels_first, const std::string& where) {
  int64_t size = 1;
  bool sane = extents.size() >= 2 && extents.size() <= 4 && extents[0] >= 1;
  for (size_t i = 1; i < extents.size(); ++i) {
    sane = sane && extents[i] >= 1 && extents[i] <= max_dimension;
    if (sane) size *= extents[i];
    sane = sane && size <= int64_t{1} << 28;
  }
  if (!sane) {
    throw InputError(where, "an array of " + std::to_string(extents.size()) + " dimensions",
                     "[inputs][elements], [inputs][height][width] or one more for channels");
  }
  const auto at = [&](size_t i) { return static_cast<int>(extents[i]); };
  if (extents.size() == 2) return {1, 1, at(1)};
  if (extents.size() == 3) return {at(1), at(2), 1};
  return channels_first ? Shape{at(2), at(3), at(1)} : Shape{at(1), at(2), at(3)};
}

/// [channels][pixels] of each input as [pixels][channels].
void interleave(RawInputs& raw) {
  const auto size = static_cast<size_t>(raw.shape.size());
  const auto pixels = static_cast<size_t>(raw.shape.pixels());
  const auto channels = static_cast<size_t>(raw.shape.channels);
  std::vector<uint8_t> one(size);
  for (size_t first = 0; first < raw.bytes.size(); first += size) {
    for (size_t p = 0; p < pixels; ++p) {
      for (size_t c = 0; c < channels; ++c)
        one[p * channels + c] = raw.bytes[first + c * pixels + p];
    }
    std::copy(one.begin(), one.end(), raw.bytes.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

void set_labels(RawInputs& raw, const std::vector<int64_t>& labels, size_t inputs,
                const std::string& where) {
  if (labels.size() != inputs) {
    throw InputError(where, std::to_string(labels.size()) + " labels",
                     std::to_string(inputs) + ", one for each input");
  }
  for (const int64_t label : labels) {
    if (label < 0 || label >= most_classes) {
      throw InputError(where, "label " + std::to_string(label), "0 to 65534");
    }
    raw.labels.push_back(static_cast<uint16_t>(label));
    raw.classes = std::max(raw.classes, static_cast<int>(label) + 1);
  }
}

void set_type(RawInputs& raw, const std::string& type, const std::string& where) {
  if (type != "i1" && type != "u1") {
    throw InputError(where, "inputs of type " + type, "int8 or uint8");
  }
  raw.is_signed = type == "i1";
}

RawInputs from_npy(const std::string& inputs, const std::string& labels, bool channels_first) {
  NpyArray array = read_npy(inputs);
  RawInputs raw;
  set_type(raw, array.type, inputs);
  raw.shape = shape_of(array.shape, channels_first, inputs);
  raw.bytes = std::move(array.bytes);
  set_labels(raw, read_npy(labels).integers(labels), static_cast<size_t>(array.shape[0]), labels);
  return raw;
}

/// The labels as whatever integer the file stores.
std::vector<int64_t> hdf5_labels(const Hdf5File& file) {
  const auto as = [&]<class T>(std::vector<int64_t>& result) {
    const auto values = file.read_array<T>("/labels", {Hdf5File::any_size});
    result.assign(values.begin(), values.end());
  };
  std::vector<int64_t> result;
  try {
    as.operator()<uint8_t>(result);
    return result;
  } catch (const InputError&) {
  }
  try {
    as.operator()<uint16_t>(result);
    return result;
  } catch (const InputError&) {
  }
  try {
    as.operator()<int32_t>(result);
    return result;
  } catch (const InputError&) {
  }
  as.operator()<int64_t>(result);
  return result;
}

RawInputs from_hdf5(const std::string& path, bool channels_first) {
  const Hdf5File file = Hdf5File::open(path);
  const Hdf5File::Dimensions extents = file.dimensions("/inputs");
  RawInputs raw;
  raw.shape = shape_of(extents, channels_first, path);
  try {
    const auto values = file.read_array<int8_t>("/inputs", extents);
    raw.bytes.assign(values.begin(), values.end());
    raw.is_signed = true;
  } catch (const InputError&) {  // of another type: the message of the next says what is there
    raw.bytes = file.read_array<uint8_t>("/inputs", extents);
  }
  set_labels(raw, hdf5_labels(file), static_cast<size_t>(extents[0]), path);
  return raw;
}

struct Listed {
  std::string file;
  int64_t classes = 0;
  int64_t label = 0;
};

/// One line "file, classes, label".
Listed parse_line(const std::string& line, const std::string& where) {
  std::istringstream fields(line);
  std::string name, classes, label;
  std::getline(fields, name, ',');
  std::getline(fields, classes, ',');
  std::getline(fields, label);
  const auto number = [&](const std::string& text) {
    const size_t first = text.find_first_not_of(" \t");
    const size_t last = text.find_last_not_of(" \t\r");
    int64_t value = -1;
    if (first != std::string::npos) {
      const auto [end, error] = std::from_chars(text.data() + first, text.data() + last + 1, value);
      if (error != std::errc() || end != text.data() + last + 1) value = -1;
    }
    if (value < 0 || value > most_classes) {
      throw InputError(where, "the line '" + line.substr(0, 80) + "'", "file, classes, label");
    }
    return value;
  };
  if (name.empty() || fs::path(name).filename() != fs::path(name)) {
    throw InputError(where, "the line '" + line.substr(0, 80) + "'", "a file of this folder");
  }
  return {name, number(classes), number(label)};
}

RawInputs from_listed_files(const fs::path& folder, const std::string& list) {
  const std::vector<uint8_t> bytes = read_plain_file(list);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  RawInputs raw;
  std::vector<int64_t> labels;
  size_t size = 0;
  int64_t classes = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line == "\r") continue;
    const Listed listed = parse_line(line, list);
    const std::string path = (folder / listed.file).string();
    const std::vector<uint8_t> values = read_plain_file(path);
    if (labels.empty()) size = values.size();
    if (values.size() != size || size == 0 || size > max_dimension) {
      throw InputError(path, std::to_string(values.size()) + " bytes",
                       size == 0 ? "1 to 65536" : std::to_string(size) + ", as the first has");
    }
    raw.bytes.insert(raw.bytes.end(), values.begin(), values.end());
    labels.push_back(listed.label);
    classes = std::max(classes, listed.classes);
  }
  if (labels.empty()) throw InputError(list, "names no file", "lines 'file, classes, label'");
  raw.shape = {1, 1, static_cast<int>(size)};
  raw.is_signed = true;
  set_labels(raw, labels, labels.size(), list);
  raw.classes = std::max(raw.classes, static_cast<int>(classes));
  return raw;
}

/// y_labels.csv of a folder (MLPerf Tiny's name), or its only .csv, or "".
std::string list_in(const std::string& folder) {
  std::vector<std::string> lists;
  std::error_code error;
  const fs::path usual = fs::path(folder) / "y_labels.csv";
  if (fs::exists(usual, error)) return usual.string();
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".csv") lists.push_back(entry.path().string());
  }
  return lists.size() == 1 ? lists.front() : "";
}

RawInputs read_any(const std::string& path, bool channels_first) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const std::string inputs = (fs::path(path) / "inputs.npy").string();
    if (fs::exists(inputs, error)) {
      return from_npy(inputs, (fs::path(path) / "labels.npy").string(), channels_first);
    }
    const std::string list = list_in(path);
    if (list.empty()) {
      throw InputError(path, "neither inputs.npy nor one .csv",
                       "one of both, or the path of the .csv");
    }
    return from_listed_files(path, list);
  }
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".csv") return from_listed_files(fs::path(path).parent_path(), path);
  if (extension != ".npy") return from_hdf5(path, channels_first);
  const fs::path own = fs::path(path).replace_extension(".labels.npy");
  const bool has_own = fs::exists(own, error);
  return from_npy(path, (has_own ? own : fs::path(path).parent_path() / "labels.npy").string(),
                  channels_first);
}

}  // namespace

RawInputs read_raw_inputs(const std::string& path, bool channels_first) {
  RawInputs raw = read_any(path, channels_first);
  if (channels_first) interleave(raw);
  return raw;
}

}  // namespace stuckat
