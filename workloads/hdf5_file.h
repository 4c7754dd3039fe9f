// HDF5 files, for models, fault maps and results: whole data sets in, whole data sets out.
//
// Names are paths in the file ("/layers/0/weights"); groups on the way must exist. Everything a
// file says is checked against what the caller expects; every complaint is an InputError(path of
// the file, name and value, expected). A file that is written carries a hash over all that it
// holds, and is read back before it has its name. One thread at a time writes: the C library is not
// safe for more.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace stuckat {

namespace hdf5 {
struct Content;
struct Value;
}  // namespace hdf5

class Hdf5File {
 public:
  /// Extent of each dimension; any_size stands for "whatever the file has" when reading.
  using Dimensions = std::vector<int64_t>;
  static constexpr int64_t any_size = -1;

  /// Reads the whole file, in a process of its own (hdf5_content.h): the C library is not safe on
  /// damage, nor on a file made to harm. Only the formats whose metadata carries checksums
  /// (superblock version 2 or later; h5py writes them with libver='latest'). Where the file carries
  /// a hash, what it covers is what was written. Takes no lock.
  static Hdf5File open(const std::string& path);
  /// Starts a new file under a temporary name in the same folder. commit() gives it its name, in
  /// place of what had that name before (of a symbolic link: of what it points to); without
  /// commit() it is removed. Same contents, same bytes: no time is stored. Metadata and data carry
  /// checksums.
  static Hdf5File create(const std::string& path);

  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&& other) noexcept;
  ~Hdf5File();

  /// Writes the file out, reads it back and renames it. The object is good for nothing afterwards.
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

  /// What a data set holds, for programs that know HDF5 and not us: its attributes `description`,
  /// `dimensions` (names, the slowest first, with commas between), `unit` (of what is counted or
  /// measured, such as "images" or "%") and `none` (the value that stands for nothing there; absent
  /// if there is no such value).
  struct Description {
    std::string text;
    std::string dimensions;
    std::string unit = {};
    std::optional<int64_t> none = {};
  };
  void describe(const std::string& name, const Description& description);

  /// Which schema (FORMAT.md) the file follows, as attributes "schema" and "schema_version" of
  /// "/". check_schema() throws unless the schema is the same, and the version one of `oldest` to
  /// `newest`; files from version `first_hashed` on (0: the newest alone) carry a hash over all
  /// that is read of them. Returns the version.
  void write_schema(const std::string& schema, int64_t version);
  int64_t check_schema(const std::string& schema, int64_t newest, int64_t oldest,
                       int64_t first_hashed = 0) const;
  /// The schema of a file, "" if it is no HDF5 file that can be read or has none.
  static std::string schema_of(const std::string& path);

 private:
  Hdf5File();
  void close();
  void write_hash();
  const hdf5::Value* find(const std::string& key) const;
  const hdf5::Value& single(const std::string& object, const std::string& name) const;
  const hdf5::Value& dataset(const std::string& name) const;
  void check_covered(const std::string& key) const;
  std::vector<uint8_t> checked_bytes(const std::string& name, const Dimensions& expected,
                                     const std::string& type) const;

  struct Image;

  std::string path_;                        ///< as the user named it
  std::unique_ptr<Image> image_;            ///< of a file that is written
  int64_t file_ = -1;                       ///< hid_t of it
  std::unique_ptr<hdf5::Content> content_;  ///< of a file that is read
  /// Digests by key, of what was written, or is covered by the hash.
  std::map<std::string, std::string> hashes_;
  bool hashed_ = false;  ///< the file that is read carries a hash
};

}  // namespace stuckat
