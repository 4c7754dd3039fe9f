// HDF5 files, for models, fault maps and results: whole data sets in, whole data sets out.
//
// A thin owner over the HDF5 C library. Names are paths in the file ("/layers/0/weights"); groups
// on the way must exist. Everything a file says is checked against what the caller expects before
// memory is taken for it; every complaint is an InputError(path of the file, name and value,
// expected). One thread at a time: the C library is not safe for more.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stuckat {

class Hdf5File {
 public:
  /// Extent of each dimension; any_size stands for "whatever the file has" when reading.
  using Dimensions = std::vector<int64_t>;
  static constexpr int64_t any_size = -1;

  /// Opens for reading. Only the formats whose metadata carries checksums (superblock version 2 or
  /// later; h5py writes them with libver='latest'): the C library is not safe on damage in the
  /// older ones, nor on a file made to harm with checksums that are right.
  static Hdf5File open(const std::string& path);
  /// Starts a new file under a temporary name in the same folder. commit() gives it its name, in
  /// place of what had that name before; without commit() it is removed. Same contents, same
  /// bytes: no time is stored. Metadata and data carry checksums.
  static Hdf5File create(const std::string& path);

  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&& other) noexcept;
  ~Hdf5File();

  /// Flushes, closes and renames. The object is good for nothing afterwards.
  void commit();
  /// Removes what killed processes of this machine have left of a file that was never committed.
  static void remove_leftovers(const std::string& path);
  const std::string& path() const { return path_; }

  bool exists(const std::string& name) const;
  void create_group(const std::string& name);
  /// Names of what a group holds, sorted.
  std::vector<std::string> children(const std::string& group) const;

  // Attributes of an object; "/" is the file itself. At most 60,000 bytes of text: longer ones
  // belong into a data set (write_strings).
  bool has_attribute(const std::string& object, const std::string& name) const;
  void write_string(const std::string& object, const std::string& name, const std::string& value);
  void write_int(const std::string& object, const std::string& name, int64_t value);
  void write_double(const std::string& object, const std::string& name, double value);
  std::string read_string(const std::string& object, const std::string& name) const;
  int64_t read_int(const std::string& object, const std::string& name, int64_t min = INT64_MIN,
                   int64_t max = INT64_MAX) const;
  double read_double(const std::string& object, const std::string& name) const;

  // Arrays, row-major: the last dimension is the fastest. T is int8_t, uint8_t, uint16_t, int32_t,
  // uint32_t, int64_t, uint64_t, float or double, and the stored type must be the same (in either
  // byte order).
  template <class T>
  void write_array(const std::string& name, const std::vector<T>& values,
                   const Dimensions& dimensions) {
    write_span<T>(name, values, dimensions);
  }
  template <class T>
  void write_span(const std::string& name, std::span<const T> values, const Dimensions& dimensions);
  /// `expected` fixes the number of dimensions, and each extent that is not any_size.
  template <class T>
  std::vector<T> read_array(const std::string& name, const Dimensions& expected) const;
  Dimensions dimensions(const std::string& name) const;

  /// One dimension of texts; what follows a NUL in a text is not kept.
  void write_strings(const std::string& name, const std::vector<std::string>& values);
  std::vector<std::string> read_strings(const std::string& name, int64_t expected = any_size) const;

  /// Which schema (FORMAT.md) the file follows, as attributes "schema" and "schema_version" of
  /// "/". check_schema() throws unless both are the same.
  void write_schema(const std::string& schema, int64_t version);
  void check_schema(const std::string& schema, int64_t version) const;

 private:
  Hdf5File() = default;
  void close();

  std::string path_;            ///< as the user named it
  std::string temporary_path_;  ///< not empty: created and not yet committed
  int64_t file_ = -1;           ///< hid_t
  int64_t bytes_ = 0;           ///< size of a file that is read: bounds what it can claim to hold
};

}  // namespace stuckat
