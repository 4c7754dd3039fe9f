#include "workloads/hdf5_file.h"

#include <hdf5.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <type_traits>
#include <utility>

#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/hdf5_content.h"
#include "workloads/hdf5_handle.h"
#include "workloads/text_file.h"

namespace stuckat {
namespace {

using hdf5::Handle;
using hdf5::QuietErrors;

static_assert(std::is_same_v<hid_t, int64_t>, "the header holds a hid_t without including hdf5.h");

/// A damaged file leaves the C library with memory that its clean-up at exit cannot free, which it
/// prints ("infinite loop closing library"). Every Hdf5File closes all that it opened itself, so
/// that clean-up has nothing to do. Only in time before the library's first function.
const herr_t no_clean_up_at_exit = H5dont_atexit();

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

template <class T>
std::string type_name() {
  const std::string bits = std::to_string(8 * sizeof(T));
  if (std::is_floating_point_v<T>) return "float" + bits;
  return (std::is_signed_v<T> ? "int" : "uint") + bits;
}

std::string text(const Hdf5File::Dimensions& dimensions) {
  std::string result;
  for (const int64_t d : dimensions) {
    if (!result.empty()) result += " x ";
    result += d == Hdf5File::any_size ? "any" : std::to_string(d);
  }
  return result.empty() ? "a single value" : result;
}

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

constexpr size_t most_attribute_bytes = 60'000;  // HDF5 keeps attributes in a 64 KiB header
constexpr const char* hash_name = "everything_hash";
constexpr const char* hashed_keys = "/hashed";

int64_t elements(const Hdf5File::Dimensions& dimensions) {
  return hdf5::Value{"", dimensions, {}, {}, "", ""}.elements();
}

/// Over all values that have a digest, in the order of their keys.
std::string hash_over(const std::map<std::string, std::string>& digests) {
  Hasher hasher;
  for (const auto& [key, digest] : digests) hasher.add(key).add(digest);
  return hasher.hex();
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

template <class T>
std::string digest_of(std::span<const T> values, const Hdf5File::Dimensions& dimensions) {
  return hdf5::digest(type_name<T>(), dimensions, reinterpret_cast<const uint8_t*>(values.data()),
                      values.size_bytes());
}

/// A number of up to eight bytes as it lies in memory.
template <class T>
T number(const hdf5::Value& value) {
  T result{};
  std::memcpy(&result, value.bytes.data(), sizeof result);
  return result;
}

}  // namespace

Hdf5File::Hdf5File() = default;

Hdf5File Hdf5File::open(const std::string& path) {
  Hdf5File result;
  result.path_ = path;
  result.content_ = std::make_unique<hdf5::Content>(hdf5::read(path));
  result.hashed_ = result.find(hdf5::attribute_key("/", hash_name)) != nullptr;
  if (!result.hashed_) return result;
  const std::string hash = result.read_string("/", hash_name);
  std::map<std::string, std::string> digests;
  for (const std::string& key : result.read_strings(hashed_keys)) {
    const hdf5::Value* const value = result.find(key);
    if (value == nullptr || !value->problem.empty()) {
      throw InputError(path, key + " is not what was written", "an intact HDF5 file");
    }
    digests[key] = hdf5::digest(*value);
  }
  if (hash_over(digests) != hash) {
    throw InputError(path, "is damaged: it holds something else than was written",
                     std::string(hash_name) + " " + hash);
  }
  result.hashes_ = std::move(digests);
  return result;
}

std::string Hdf5File::schema_of(const std::string& path) {
  try {
    return open(path).read_string("/", "schema");
  } catch (const InputError&) {
    return "";
  }
}

void Hdf5File::remove_leftovers(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path first = ReplacingFile::temporary_of(path, 0);
  const fs::path folder = first.parent_path();
  std::string prefix = first.filename().string();
  prefix.pop_back();  // the process
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

/// A file in memory, which the library hands over when it closes it. It never sees the disk: it
/// loses errors of its last writes, and where those fail it crashes.
struct Hdf5File::Image {
  uint8_t* memory = nullptr;
  std::unique_ptr<ReplacingFile> file;

  Image() = default;
  ~Image() { std::free(memory); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  /// The memory is longer than the file, whose end stands in the superblock (version 3).
  std::span<const uint8_t> bytes() const {
    constexpr size_t end_of_file = 28;
    uint64_t size = 0;
    for (size_t i = 0; i < 8; ++i) size |= uint64_t{memory[end_of_file + i]} << (8 * i);
    return {memory, static_cast<size_t>(size)};
  }

  H5FD_file_image_callbacks_t callbacks() {
    H5FD_file_image_callbacks_t c{};
    c.image_malloc = [](size_t size, H5FD_file_image_op_t, void*) { return std::malloc(size); };
    c.image_memcpy = [](void* to, const void* from, size_t size, H5FD_file_image_op_t, void*) {
      return std::memcpy(to, from, size);
    };
    c.image_realloc = [](void* old, size_t size, H5FD_file_image_op_t, void*) {
      return std::realloc(old, size);
    };
    c.image_free = [](void* old, H5FD_file_image_op_t operation, void* image) -> herr_t {
      if (operation == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
        static_cast<Image*>(image)->memory = static_cast<uint8_t*>(old);
      } else {
        std::free(old);
      }
      return 0;
    };
    c.udata_copy = [](void* image) { return image; };
    c.udata_free = [](void*) -> herr_t { return 0; };
    c.udata = this;
    return c;
  }
};

Hdf5File Hdf5File::create(const std::string& path) {
  const QuietErrors quiet;
  const Handle creation(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(creation, false);
  // The format of HDF5 1.10 is the first one that has a checksum on every piece of metadata.
  const Handle access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
  constexpr size_t grow_by = 1 << 16;
  H5Pset_fapl_core(access, grow_by, false);
  Hdf5File result;
  result.path_ = path;
  result.image_ = std::make_unique<Image>();
  result.image_->file = std::make_unique<ReplacingFile>(path);
  auto callbacks = result.image_->callbacks();
  H5Pset_file_image_callbacks(access, &callbacks);
  // Of a file that is there the library would read all, to throw it away: none is there.
  result.file_ = H5Fcreate(("/dev/null/" + path).c_str(), H5F_ACC_TRUNC, creation, access);
  if (result.file_ < 0) throw std::bad_alloc();
  return result;
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept { *this = std::move(other); }

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(image_, other.image_);
  std::swap(file_, other.file_);
  std::swap(content_, other.content_);
  std::swap(hashes_, other.hashes_);
  std::swap(hashed_, other.hashed_);
  return *this;
}

Hdf5File::~Hdf5File() { close(); }

void Hdf5File::close() {
  const QuietErrors quiet;
  if (file_ >= 0) H5Fclose(file_);
  file_ = -1;
}

void Hdf5File::write_hash() {
  const std::string hash = hash_over(hashes_);
  std::vector<std::string> keys;
  for (const auto& [key, digest] : hashes_) keys.push_back(key);
  write_strings(hashed_keys, keys);
  write_string("/", hash_name, hash);
}

void Hdf5File::commit() {
  assert(image_ != nullptr && file_ >= 0);
  write_hash();
  {
    const QuietErrors quiet;
    if (H5Fclose(file_) < 0) throw std::bad_alloc();  // it only takes memory
    file_ = -1;
  }
  image_->file->commit(image_->bytes());
}

bool Hdf5File::exists(const std::string& name) const {
  if (content_) return content_->objects.count(name) > 0;
  const QuietErrors quiet;
  // Every group on the way must be asked for: H5Lexists fails after a missing one.
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
  const bool is_group =
      content_->objects.count(group) > 0 && find(hdf5::dataset_key(group)) == nullptr;
  if (!is_group) throw InputError(path_, "no group '" + group + "'", "one of that name");
  const std::string prefix = group == "/" ? group : group + "/";
  std::vector<std::string> names;
  for (const std::string& object : content_->objects) {
    if (!object.starts_with(prefix) || object.size() == prefix.size()) continue;
    std::string name = object.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

const hdf5::Value* Hdf5File::find(const std::string& key) const {
  const auto found = content_->values.find(key);
  return found == content_->values.end() ? nullptr : &found->second;
}

/// An attribute that holds one value, which can be read.
const hdf5::Value& Hdf5File::single(const std::string& object, const std::string& name) const {
  const std::string key = hdf5::attribute_key(object, name);
  const hdf5::Value* const value = find(key);
  if (value == nullptr) throw InputError(path_, "no " + key, "one");
  if (name != hash_name) check_covered(key);
  if (!value->problem.empty()) throw InputError(path_, key + " " + value->problem, value->expected);
  if (value->elements() != 1) {
    throw InputError(path_, key + " has dimensions " + text(value->dimensions), "a single value");
  }
  return *value;
}

const hdf5::Value& Hdf5File::dataset(const std::string& name) const {
  const std::string key = hdf5::dataset_key(name);
  const hdf5::Value* const value = find(key);
  if (value == nullptr) throw InputError(path_, "no data set " + key, "one of that name");
  if (name != hashed_keys) check_covered(key);
  return *value;
}

void Hdf5File::check_covered(const std::string& key) const {
  if (!hashed_ || hashes_.count(key) > 0) return;
  throw InputError(path_, key + " is not covered by the file's hash", "what was written with it");
}

bool Hdf5File::has_attribute(const std::string& object, const std::string& name) const {
  return find(hdf5::attribute_key(object, name)) != nullptr;
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
  hashes_[hdf5::attribute_key(object, name)] = hdf5::digest({}, {value.c_str()});
}

void Hdf5File::write_int(const std::string& object, const std::string& name, int64_t value) {
  const QuietErrors quiet;
  const Element e = element(value);
  write_attribute(file_, path_, object, name, e.stored, e.memory, &value);
  hashes_[hdf5::attribute_key(object, name)] = digest_of<int64_t>({&value, 1}, {});
}

void Hdf5File::write_double(const std::string& object, const std::string& name, double value) {
  const QuietErrors quiet;
  const Element e = element(value);
  write_attribute(file_, path_, object, name, e.stored, e.memory, &value);
  hashes_[hdf5::attribute_key(object, name)] = digest_of<double>({&value, 1}, {});
}

void Hdf5File::describe(const std::string& name, const Description& description) {
  write_string(name, "description", description.text);
  write_string(name, "dimensions", description.dimensions);
  if (!description.unit.empty()) write_string(name, "unit", description.unit);
  if (description.none) write_int(name, "none", *description.none);
}

std::string Hdf5File::read_string(const std::string& object, const std::string& name) const {
  const hdf5::Value& value = single(object, name);
  if (value.type != "text") {
    throw InputError(path_, hdf5::attribute_key(object, name) + " is " + value.type, "text");
  }
  return value.texts.front();
}

int64_t Hdf5File::read_int(const std::string& object, const std::string& name, int64_t min,
                           int64_t max) const {
  const hdf5::Value& stored = single(object, name);
  const std::string what = hdf5::attribute_key(object, name);
  // Narrower integers of other writers lose nothing; uint64 might.
  static const std::map<std::string, int64_t (*)(const hdf5::Value&)> readers = {
      {"int8", [](const auto& v) -> int64_t { return number<int8_t>(v); }},
      {"int16", [](const auto& v) -> int64_t { return number<int16_t>(v); }},
      {"int32", [](const auto& v) -> int64_t { return number<int32_t>(v); }},
      {"int64", [](const auto& v) -> int64_t { return number<int64_t>(v); }},
      {"uint8", [](const auto& v) -> int64_t { return number<uint8_t>(v); }},
      {"uint16", [](const auto& v) -> int64_t { return number<uint16_t>(v); }},
      {"uint32", [](const auto& v) -> int64_t { return number<uint32_t>(v); }}};
  const auto reader = readers.find(stored.type);
  if (reader == readers.end()) throw InputError(path_, what + " is " + stored.type, "int64");
  const int64_t value = reader->second(stored);
  if (value < min || value > max) {
    throw InputError(path_, what + " is " + std::to_string(value),
                     std::to_string(min) + " to " + std::to_string(max));
  }
  return value;
}

double Hdf5File::read_double(const std::string& object, const std::string& name) const {
  const hdf5::Value& value = single(object, name);
  if (value.type == "float64") return number<double>(value);
  if (value.type == "float32") return number<float>(value);
  throw InputError(path_, hdf5::attribute_key(object, name) + " is " + value.type, "float64");
}

template <class T>
void Hdf5File::write_span(const std::string& name, std::span<const T> values,
                          const Dimensions& dimensions) {
  const QuietErrors quiet;
  assert(elements(dimensions) == static_cast<int64_t>(values.size()));
  const Element e = element(T{});
  write_dataset(file_, path_, name, e.stored, e.memory, values.data(), dimensions);
  hashes_[hdf5::dataset_key(name)] = digest_of(values, dimensions);
}

std::vector<uint8_t> Hdf5File::checked_bytes(const std::string& name, const Dimensions& expected,
                                             const std::string& type) const {
  const hdf5::Value& value = dataset(name);
  if (value.type != type) {
    throw InputError(path_, "'" + name + "' holds " + value.type, type);
  }
  if (!value.problem.empty()) {
    throw InputError(path_, "'" + name + "' " + value.problem, value.expected);
  }
  const Dimensions& found = value.dimensions;
  const bool same =
      std::equal(found.begin(), found.end(), expected.begin(), expected.end(),
                 [](int64_t f, int64_t want) { return want == any_size ? f >= 0 : f == want; });
  if (!same) {
    throw InputError(path_, "'" + name + "' has dimensions " + text(found), text(expected));
  }
  return value.bytes;
}

template <class T>
std::vector<T> Hdf5File::read_array(const std::string& name, const Dimensions& expected) const {
  const auto bytes = checked_bytes(name, expected, type_name<T>());
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
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
  return dataset(name).dimensions;
}

void Hdf5File::write_strings(const std::string& name, const std::vector<std::string>& values) {
  const QuietErrors quiet;
  size_t longest = 1;
  for (const auto& value : values) longest = std::max(longest, value.size());
  const Handle type = text_type(longest);
  const auto count = static_cast<int64_t>(values.size());
  write_dataset(file_, path_, name, type, type, packed(values, longest).data(), {count});
  std::vector<std::string> as_read;
  for (const auto& value : values) as_read.emplace_back(value.c_str());
  hashes_[hdf5::dataset_key(name)] = hdf5::digest({count}, as_read);
}

std::vector<std::string> Hdf5File::read_strings(const std::string& name, int64_t expected) const {
  checked_bytes(name, {expected}, "text");
  return dataset(name).texts;
}

void Hdf5File::write_schema(const std::string& schema, int64_t version) {
  write_string("/", "schema", schema);
  write_int("/", "schema_version", version);
}

int64_t Hdf5File::check_schema(const std::string& schema, int64_t newest, int64_t oldest,
                               int64_t first_hashed) const {
  if (const std::string found = read_string("/", "schema"); found != schema) {
    throw InputError(path_, "holds '" + found + "'", "'" + schema + "'");
  }
  const int64_t version = read_int("/", "schema_version");
  if (version < oldest || version > newest) {
    throw InputError(path_, "has schema version " + std::to_string(version),
                     oldest == newest ? std::to_string(newest)
                                      : std::to_string(oldest) + " to " + std::to_string(newest));
  }
  if (version >= (first_hashed == 0 ? newest : first_hashed) && !hashed_) {
    throw InputError(path_, "has no hash over what it holds",
                     std::string("attribute '") + hash_name + "', as version " +
                         std::to_string(version) + " has it");
  }
  return version;
}

}  // namespace stuckat
