// What an HDF5 file holds, as plain values. The C library is not safe on files that are damaged or
// made to harm, so it reads in a process of its own, with limits; this one takes only what came
// out of that. Inside workloads only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat::hdf5 {

constexpr int64_t most_bytes = int64_t{1} << 32;  ///< of one data set, and of a file's contents

/// An attribute or a data set.
struct Value {
  std::string type;                 ///< "int32", "uint8", "float64", "text", or what else it is
  std::vector<int64_t> dimensions;  ///< none: a single value
  std::vector<uint8_t> bytes;       ///< numbers, row-major, in this machine's byte order
  std::vector<std::string> texts;   ///< if text; up to the first NUL
  std::string problem;              ///< not empty: why there are no values
  std::string expected;             ///< what would have been right then

  /// Product of the dimensions; more than most_bytes counts as most_bytes + 1.
  int64_t elements() const;
};

/// "'/group/matrix'", "attribute 'title' of '/group'": the names of values, also in messages.
std::string dataset_key(const std::string& path);
std::string attribute_key(const std::string& object, const std::string& name);

struct Content {
  std::map<std::string, Value> values;  ///< by key
  std::set<std::string> objects;        ///< paths of groups and data sets, "/" among them
};

/// Everything in the file. Throws InputError(path, ...) where that is no HDF5 file, one without
/// checksums on its metadata, one that is open for writing elsewhere, or one on which the library
/// fails, crashes, or takes more time or memory than a file of that size can need. What cannot be
/// read of an intact file (a type that is not ours, more than the file can hold) is a `problem` of
/// that value alone.
Content read(const std::string& path);

/// SHA-256 over type, dimensions and values, whatever the byte order of the machine.
std::string digest(std::string_view type, const std::vector<int64_t>& dimensions,
                   const uint8_t* bytes, size_t count);
std::string digest(const std::vector<int64_t>& dimensions, const std::vector<std::string>& texts);
std::string digest(const Value& value);

/// What read() runs in its own process: writes the contents of the file to `descriptor`. Returns
/// when all is written; throws nothing.
void send_content(const std::string& path, int64_t file_bytes, int descriptor);

/// The records that go from one process to the other.
enum class Record : uint8_t { refusal, group, dataset, attribute, end };

}  // namespace stuckat::hdf5
