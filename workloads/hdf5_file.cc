#include "workloads/hdf5_file.h"

#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <type_traits>
#include <utility>

#include "workloads/errors.h"
#include "workloads/text_file.h"

namespace stuckat {
namespace {

static_assert(std::is_same_v<hid_t, int64_t>, "the header holds a hid_t without including hdf5.h");

/// A damaged file leaves the C library with memory that its clean-up at exit cannot free, which it
/// prints ("infinite loop closing library"). Every Hdf5File closes all that it opened itself, so
/// that clean-up has nothing to do. Only in time before the library's first function.
const herr_t no_clean_up_at_exit = H5dont_atexit();

/// The C library prints its error stack by itself unless told otherwise; we throw instead.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Owner of any identifier: files, groups, data sets, types, spaces, property lists.
class Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  bool ok() const { return id_ >= 0; }
  operator hid_t() const { return id_; }  // NOLINT(google-explicit-constructor)

 private:
  hid_t id_;
};

/// Of each element type: its type in files (little-endian on every machine) and in memory.
struct Element {
  hid_t stored;
  hid_t memory;
};
Element element(int8_t) { return {H5T_STD_I8LE, H5T_NATIVE_INT8}; }
Element element(uint8_t) { return {H5T_STD_U8LE, H5T_NATIVE_UINT8}; }
Element element(uint16_t) { return {H5T_STD_U16LE, H5T_NATIVE_UINT16}; }
Element element(int32_t) { return {H5T_STD_I32LE, H5T_NATIVE_INT32}; }
Element element(uint32_t) { return {H5T_STD_U32LE, H5T_NATIVE_UINT32}; }
Element element(int64_t) { return {H5T_STD_I64LE, H5T_NATIVE_INT64}; }
Element element(uint64_t) { return {H5T_STD_U64LE, H5T_NATIVE_UINT64}; }
Element element(float) { return {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT}; }
Element element(double) { return {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE}; }

/// "int32", "uint8", "float64", "text": what a type holds, whatever its byte order.
std::string type_name(hid_t type) {
  const std::string bits = std::to_string(8 * H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      return "float" + bits;
    case H5T_STRING:
      return "text";
    default:
      return "another type";
  }
}

std::string text(const Hdf5File::Dimensions& dimensions) {
  std::string result;
  for (const int64_t d : dimensions) {
    if (!result.empty()) result += " x ";
    result += d == Hdf5File::any_size ? "any" : std::to_string(d);
  }
  return result.empty() ? "a single value" : result;
}

/// Bytes of one text as C knows it: up to the first NUL.
std::string text_of(const char* bytes, size_t size) { return {bytes, strnlen(bytes, size)}; }

Handle text_type(size_t size) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, std::max<size_t>(size, 1));
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

/// Fixed-length texts padded to one length, one after the other.
std::vector<char> packed(const std::vector<std::string>& values, size_t size) {
  std::vector<char> bytes(std::max<size_t>(values.size() * size, 1));
  for (size_t i = 0; i < values.size(); ++i) values[i].copy(bytes.data() + i * size, size);
  return bytes;
}

constexpr const char* partial = ".partial-";      // and the process that writes it
constexpr int64_t most_bytes = int64_t{1} << 32;  // of one data set in memory
constexpr size_t most_attribute_bytes = 60'000;   // HDF5 keeps attributes in a 64 KiB header

/// Extents of a data space, or {-2} if it has none that we understand.
Hdf5File::Dimensions extents(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) return {-2};
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
  Hdf5File::Dimensions result;
  for (const hsize_t size : sizes) {
    result.push_back(size > static_cast<hsize_t>(most_bytes) ? most_bytes + 1
                                                             : static_cast<int64_t>(size));
  }
  return result;
}

/// Product of the extents; more than most_bytes counts as most_bytes + 1.
int64_t elements(const Hdf5File::Dimensions& dimensions) {
  int64_t product = 1;
  for (const int64_t d : dimensions) {
    if (d < 0) return most_bytes + 1;
    if (d != 0 && product > most_bytes / d) return most_bytes + 1;
    product *= d;
  }
  return product;
}

/// Chunks of at most 1 MiB: the leading extents are cut first, so that a chunk is contiguous.
std::vector<hsize_t> chunk_extents(const Hdf5File::Dimensions& dimensions, size_t element_bytes) {
  constexpr hsize_t most_chunk_bytes = hsize_t{1} << 20;
  std::vector<hsize_t> chunk(dimensions.begin(), dimensions.end());
  hsize_t bytes = element_bytes;
  for (const hsize_t extent : chunk) bytes *= extent;
  for (hsize_t& extent : chunk) {
    const hsize_t rest = bytes / extent;  // one step along this dimension
    extent = std::clamp<hsize_t>(most_chunk_bytes / std::max<hsize_t>(rest, 1), 1, extent);
    bytes = rest * extent;
  }
  return chunk;
}

Handle open_dataset(hid_t file, const std::string& path, const std::string& name) {
  Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
  if (!dataset.ok()) throw InputError(path, "no data set '" + name + "'", "one of that name");
  return dataset;
}

/// Memory is taken only for what the file can hold: deflate shrinks 1032 times at most.
void check_stored(hid_t dataset, const std::string& path, const std::string& name, int64_t count,
                  size_t element_bytes, int64_t file_bytes) {
  constexpr int64_t greatest_compression = 1100;
  const int64_t most = std::min(most_bytes, file_bytes * greatest_compression);
  const bool fits = element_bytes <= static_cast<size_t>(most_bytes) &&
                    (count == 0 || static_cast<int64_t>(element_bytes) <= most / count);
  if (!fits || (count > 0 && H5Dget_storage_size(dataset) == 0)) {
    throw InputError(path, "'" + name + "' claims " + std::to_string(count) + " elements",
                     "as many as the file holds");
  }
}

void write_dataset(hid_t file, const std::string& path, const std::string& name, hid_t stored,
                   hid_t memory, const void* values, const Hdf5File::Dimensions& dimensions) {
  constexpr int deflate_level = 6;
  constexpr int64_t least_bytes_to_deflate = 1024;
  const std::vector<hsize_t> sizes(dimensions.begin(), dimensions.end());
  const Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr));
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(properties, false);
  const int64_t count = elements(dimensions);
  if (count > 0 && !sizes.empty()) {
    const auto chunk = chunk_extents(dimensions, H5Tget_size(stored));
    H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
    if (count * static_cast<int64_t>(H5Tget_size(stored)) >= least_bytes_to_deflate) {
      H5Pset_shuffle(properties);
      H5Pset_deflate(properties, deflate_level);
    }
    H5Pset_fletcher32(properties);
  }
  const Handle dataset(
      H5Dcreate2(file, name.c_str(), stored, space, H5P_DEFAULT, properties, H5P_DEFAULT));
  if (!dataset.ok() ||
      (count > 0 && H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)) {
    throw InputError(path, "cannot write '" + name + "'", "a new name in a group that exists");
  }
}

/// Texts of a data set or an attribute, of fixed or variable length. `read` fills a buffer.
template <class Read>
std::vector<std::string> texts(hid_t type, hid_t space, int64_t count, const Read& read) {
  std::vector<std::string> result;
  if (H5Tis_variable_str(type) > 0) {
    const Handle memory(H5Tcopy(H5T_C_S1));
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    std::vector<char*> pointers(static_cast<size_t>(count));
    if (!read(static_cast<hid_t>(memory), pointers.data())) return {};
    for (const char* p : pointers) result.emplace_back(p == nullptr ? "" : p);
    H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
    return result;
  }
  const size_t size = H5Tget_size(type);
  std::vector<char> bytes(static_cast<size_t>(count) * size);
  if (!read(type, bytes.data())) return {};
  for (int64_t i = 0; i < count; ++i) {
    result.push_back(text_of(bytes.data() + static_cast<size_t>(i) * size, size));
  }
  return result;
}

struct Attribute {
  Handle id;
  Handle type;
  std::string what;  // "attribute 'name' of 'object'"
};

/// Opens an attribute that holds one value.
Attribute open_attribute(hid_t file, const std::string& path, const std::string& object,
                         const std::string& name) {
  const std::string what = "attribute '" + name + "' of '" + object + "'";
  Handle id(H5Aopen_by_name(file, object.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT));
  if (!id.ok()) throw InputError(path, "no " + what, "one");
  const Handle space(H5Aget_space(id));
  Handle type(H5Aget_type(id));
  if (elements(extents(space)) != 1) {
    throw InputError(path, what + " has dimensions " + text(extents(space)), "a single value");
  }
  return {std::move(id), std::move(type), what};
}

void write_attribute(hid_t file, const std::string& path, const std::string& object,
                     const std::string& name, hid_t stored, hid_t memory, const void* value) {
  const Handle space(H5Screate(H5S_SCALAR));
  const Handle id(H5Acreate_by_name(file, object.c_str(), name.c_str(), stored, space, H5P_DEFAULT,
                                    H5P_DEFAULT, H5P_DEFAULT));
  if (!id.ok() || H5Awrite(id, memory, value) < 0) {
    throw InputError(path, "cannot write attribute '" + name + "' of '" + object + "'",
                     "a new name on an object that exists");
  }
}

/// The superblock says by which format the metadata is written. Version 2 and later have checksums;
/// HDF5 1.10 reads and writes beyond its memory on damage in the older ones, so those stay out.
void check_file_format(const std::string& path) {
  constexpr std::array<char, 8> signature = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  constexpr char first_with_checksums = 2;
  std::array<char, signature.size() + 1> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  if (!std::equal(signature.begin(), signature.end(), start.begin())) {
    throw InputError(path, "is no HDF5 file", "one");
  }
  if (start.back() < first_with_checksums) {
    throw InputError(path, "is in the HDF5 format without checksums",
                     "the one of HDF5 1.10 (h5py: libver='latest')");
  }
}

}  // namespace

Hdf5File Hdf5File::open(const std::string& path) {
  const QuietErrors quiet;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) throw InputError(path, "cannot be read (" + error.message() + ")", "an HDF5 file");
  check_file_format(path);
  Hdf5File result;
  result.path_ = path;
  result.bytes_ = static_cast<int64_t>(bytes);
  result.file_ = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (result.file_ < 0) throw InputError(path, "is damaged", "an intact HDF5 file");
  return result;
}

void Hdf5File::remove_leftovers(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(path).parent_path();
  const std::string prefix = fs::path(path).filename().string() + partial;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    pid_t process = 0;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + prefix.size(), end, process);
    const bool gone = read.ec == std::errc() && read.ptr == end && process > 0 &&
                      ::kill(process, 0) != 0 && errno == ESRCH;
    std::error_code kept;
    if (gone) fs::remove(entry.path(), kept);
  }
}

Hdf5File Hdf5File::create(const std::string& path) {
  const QuietErrors quiet;
  const Handle creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation, false);
  // The format of HDF5 1.10 is the first one that has a checksum on every piece of metadata.
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  Hdf5File result;
  result.path_ = path;
  std::error_code ignored;
  if (is_special_file(path)) {
    throw InputError(path, "is no regular file", "the name of a file");  // it would be replaced
  }
  const std::string temporary = path + partial + std::to_string(::getpid());
  result.file_ = H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, creation, access);
  if (result.file_ < 0) {
    std::filesystem::remove(temporary, ignored);
    throw InputError(path, "cannot be created", "a file name in a folder that can be written");
  }
  result.temporary_path_ = temporary;
  return result;
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept { *this = std::move(other); }

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_path_, other.temporary_path_);
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Hdf5File::~Hdf5File() {
  close();
  if (!temporary_path_.empty()) std::remove(temporary_path_.c_str());
}

void Hdf5File::close() {
  const QuietErrors quiet;
  if (file_ >= 0) H5Fclose(file_);
  file_ = -1;
}

void Hdf5File::commit() {
  assert(!temporary_path_.empty());
  {
    const QuietErrors quiet;
    const bool flushed = H5Fflush(file_, H5F_SCOPE_LOCAL) >= 0;
    const bool closed = H5Fclose(file_) >= 0;
    file_ = -1;
    if (!flushed || !closed) throw InputError(path_, "cannot be written", "room on the disk");
  }
  // On the disk before it takes the place of the old file.
  const int descriptor = ::open(temporary_path_.c_str(), O_RDONLY);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  if (descriptor >= 0) ::close(descriptor);
  std::error_code error;
  if (synced) std::filesystem::rename(temporary_path_, path_, error);
  if (!synced || error) {
    throw InputError(path_, "cannot be written" + (error ? " (" + error.message() + ")" : ""),
                     "a file name that can be written");
  }
  temporary_path_.clear();
}

bool Hdf5File::exists(const std::string& name) const {
  const QuietErrors quiet;
  // Every group on the way must be asked for: H5Lexists fails behind a missing one.
  for (size_t end = name.find('/', 1); end != std::string::npos; end = name.find('/', end + 1)) {
    if (H5Lexists(file_, name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return name == "/" || H5Oexists_by_name(file_, name.c_str(), H5P_DEFAULT) > 0;
}

void Hdf5File::create_group(const std::string& name) {
  const QuietErrors quiet;
  const Handle properties(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(properties, false);
  const Handle group(H5Gcreate2(file_, name.c_str(), H5P_DEFAULT, properties, H5P_DEFAULT));
  if (!group.ok()) {
    throw InputError(path_, "cannot write group '" + name + "'",
                     "a new name in a group that exists");
  }
}

std::vector<std::string> Hdf5File::children(const std::string& group) const {
  const QuietErrors quiet;
  const Handle id(H5Gopen2(file_, group.c_str(), H5P_DEFAULT));
  if (!id.ok()) throw InputError(path_, "no group '" + group + "'", "one of that name");
  std::vector<std::string> names;
  hsize_t next = 0;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* result) -> herr_t {
    static_cast<std::vector<std::string>*>(result)->emplace_back(name);
    return 0;
  };
  if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &next, add, &names) < 0) {
    throw InputError(path_, "group '" + group + "' is damaged", "a readable group");
  }
  return names;
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  return H5Aexists_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT) > 0;
}

void Hdf5File::write_string(const std::string& object, const std::string& name,
                            const std::string& value) {
  const QuietErrors quiet;
  if (value.size() > most_attribute_bytes) {
    throw InputError(path_,
                     "attribute '" + name + "' of " + std::to_string(value.size()) + " bytes",
                     "at most 60000");
  }
  const Handle type = text_type(value.size());
  const auto bytes = packed({value}, std::max<size_t>(value.size(), 1));
  write_attribute(file_, path_, object, name, type, type, bytes.data());
}

void Hdf5File::write_int(const std::string& object, const std::string& name, int64_t value) {
  const QuietErrors quiet;
  const Element e = element(value);
  write_attribute(file_, path_, object, name, e.stored, e.memory, &value);
}

void Hdf5File::write_double(const std::string& object, const std::string& name, double value) {
  const QuietErrors quiet;
  const Element e = element(value);
  write_attribute(file_, path_, object, name, e.stored, e.memory, &value);
}

std::string Hdf5File::read_string(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  const Attribute attribute = open_attribute(file_, path_, object, name);
  if (H5Tget_class(attribute.type) != H5T_STRING) {
    throw InputError(path_, attribute.what + " is " + type_name(attribute.type), "text");
  }
  const Handle space(H5Aget_space(attribute.id));
  const auto result = H5Tget_size(attribute.type) > static_cast<size_t>(bytes_)
                          ? std::vector<std::string>{}
                          : texts(attribute.type, space, 1, [&](hid_t memory, void* buffer) {
                              return H5Aread(attribute.id, memory, buffer) >= 0;
                            });
  if (result.size() != 1) throw InputError(path_, attribute.what + " is damaged", "readable text");
  return result.front();
}

int64_t Hdf5File::read_int(const std::string& object, const std::string& name, int64_t min,
                           int64_t max) const {
  const QuietErrors quiet;
  const Attribute attribute = open_attribute(file_, path_, object, name);
  // Narrower integers of other writers lose nothing; uint64 might.
  if (H5Tget_class(attribute.type) != H5T_INTEGER || H5Tget_size(attribute.type) > 8 ||
      type_name(attribute.type) == "uint64") {
    throw InputError(path_, attribute.what + " is " + type_name(attribute.type), "int64");
  }
  int64_t value = 0;
  if (H5Aread(attribute.id, H5T_NATIVE_INT64, &value) < 0) {
    throw InputError(path_, attribute.what + " is damaged", "a readable number");
  }
  if (value < min || value > max) {
    throw InputError(path_, attribute.what + " is " + std::to_string(value),
                     std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

double Hdf5File::read_double(const std::string& object, const std::string& name) const {
  const QuietErrors quiet;
  const Attribute attribute = open_attribute(file_, path_, object, name);
  if (H5Tget_class(attribute.type) != H5T_FLOAT || H5Tget_size(attribute.type) > 8) {
    throw InputError(path_, attribute.what + " is " + type_name(attribute.type), "float64");
  }
  double value = 0;
  if (H5Aread(attribute.id, H5T_NATIVE_DOUBLE, &value) < 0) {
    throw InputError(path_, attribute.what + " is damaged", "a readable number");
  }
  return value;
}

template <class T>
void Hdf5File::write_span(const std::string& name, std::span<const T> values,
                          const Dimensions& dimensions) {
  const QuietErrors quiet;
  assert(elements(dimensions) == static_cast<int64_t>(values.size()));
  const Element e = element(T{});
  write_dataset(file_, path_, name, e.stored, e.memory, values.data(), dimensions);
}

template <class T>
std::vector<T> Hdf5File::read_array(const std::string& name, const Dimensions& expected) const {
  const QuietErrors quiet;
  const Handle dataset = open_dataset(file_, path_, name);
  const Handle type(H5Dget_type(dataset));
  const Element e = element(T{});
  if (type_name(type) != type_name(e.stored)) {
    throw InputError(path_, "'" + name + "' holds " + type_name(type), type_name(e.stored));
  }
  const Handle space(H5Dget_space(dataset));
  const Dimensions found = extents(space);
  const bool same =
      std::equal(found.begin(), found.end(), expected.begin(), expected.end(),
                 [](int64_t f, int64_t want) { return want == any_size ? f >= 0 : f == want; });
  if (!same) {
    throw InputError(path_, "'" + name + "' has dimensions " + text(found), text(expected));
  }
  const int64_t count = elements(found);
  check_stored(dataset, path_, name, count, sizeof(T), bytes_);
  std::vector<T> values(static_cast<size_t>(count));
  if (count > 0 && H5Dread(dataset, e.memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    throw InputError(path_, "'" + name + "' is damaged", "a readable data set");
  }
  return values;
}

#define STUCKAT_HDF5_ELEMENT(T)                                                                  \
  template void Hdf5File::write_span(const std::string&, std::span<const T>, const Dimensions&); \
  template std::vector<T> Hdf5File::read_array(const std::string&, const Dimensions&) const;
STUCKAT_HDF5_ELEMENT(int8_t)
STUCKAT_HDF5_ELEMENT(uint8_t)
STUCKAT_HDF5_ELEMENT(uint16_t)
STUCKAT_HDF5_ELEMENT(int32_t)
STUCKAT_HDF5_ELEMENT(uint32_t)
STUCKAT_HDF5_ELEMENT(int64_t)
STUCKAT_HDF5_ELEMENT(uint64_t)
STUCKAT_HDF5_ELEMENT(float)
STUCKAT_HDF5_ELEMENT(double)
#undef STUCKAT_HDF5_ELEMENT

Hdf5File::Dimensions Hdf5File::dimensions(const std::string& name) const {
  const QuietErrors quiet;
  const Handle dataset = open_dataset(file_, path_, name);
  const Handle space(H5Dget_space(dataset));
  return extents(space);
}

void Hdf5File::write_strings(const std::string& name, const std::vector<std::string>& values) {
  const QuietErrors quiet;
  size_t longest = 1;
  for (const auto& value : values) longest = std::max(longest, value.size());
  const Handle type = text_type(longest);
  write_dataset(file_, path_, name, type, type, packed(values, longest).data(),
                {static_cast<int64_t>(values.size())});
}

std::vector<std::string> Hdf5File::read_strings(const std::string& name, int64_t expected) const {
  const QuietErrors quiet;
  const Handle dataset = open_dataset(file_, path_, name);
  const Handle type(H5Dget_type(dataset));
  if (H5Tget_class(type) != H5T_STRING) {
    throw InputError(path_, "'" + name + "' holds " + type_name(type), "text");
  }
  const Handle space(H5Dget_space(dataset));
  const Dimensions found = extents(space);
  if (found.size() != 1 || (expected != any_size && found.front() != expected)) {
    throw InputError(path_, "'" + name + "' has dimensions " + text(found), text({expected}));
  }
  const int64_t count = found.front();
  check_stored(dataset, path_, name, count, H5Tget_size(type), bytes_);
  if (count == 0) return {};
  auto result = texts(type, space, count, [&](hid_t memory, void* buffer) {
    return H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) >= 0;
  });
  if (result.size() != static_cast<size_t>(count)) {
    throw InputError(path_, "'" + name + "' is damaged", "readable text");
  }
  return result;
}

void Hdf5File::write_schema(const std::string& schema, int64_t version) {
  write_string("/", "schema", schema);
  write_int("/", "schema_version", version);
}

void Hdf5File::check_schema(const std::string& schema, int64_t version) const {
  if (const std::string found = read_string("/", "schema"); found != schema) {
    throw InputError(path_, "holds '" + found + "'", "'" + schema + "'");
  }
  if (const int64_t found = read_int("/", "schema_version"); found != version) {
    throw InputError(path_, "has schema version " + std::to_string(found), std::to_string(version));
  }
}

}  // namespace stuckat
