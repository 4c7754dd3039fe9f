// The process that reads a file with the C library. It may crash: everything it finds goes out
// before the next thing is looked at.
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "workloads/hdf5_content.h"
#include "workloads/hdf5_handle.h"

namespace stuckat::hdf5 {
namespace {

constexpr int deepest_group = 16;
constexpr int64_t most_objects = 1'000'000;  // groups, data sets and attributes of a file
/// Deflate shrinks 1032 times at most.
constexpr int64_t greatest_compression = 1100;

/// Ends the process's work with one refusal of the whole file.
struct Refusal {
  std::string what;
  std::string expected;
};

const Refusal damaged = {"is damaged", "an intact HDF5 file"};
const Refusal old_metadata = {"has metadata in the HDF5 format without checksums",
                              "the one of HDF5 1.10 (h5py: libver='latest')"};

class Pipe {
 public:
  explicit Pipe(int descriptor) : descriptor_(descriptor) {}

  void put(const void* bytes, size_t count) {
    if (buffer_.size() + count > most_buffered) flush();
    if (count > most_buffered) return write_all(bytes, count);
    const auto* from = static_cast<const char*>(bytes);
    buffer_.insert(buffer_.end(), from, from + count);
  }
  void record(Record kind) {
    const auto byte = static_cast<uint8_t>(kind);
    put(&byte, 1);
  }
  void integer(int64_t value) { put(&value, sizeof value); }
  void bytes(const void* data, size_t count) {
    integer(static_cast<int64_t>(count));
    put(data, count);
  }
  void text(const std::string& text) { bytes(text.data(), text.size()); }
  void value(const Value& v) {
    text(v.type);
    integer(static_cast<int64_t>(v.dimensions.size()));
    for (const int64_t d : v.dimensions) integer(d);
    text(v.problem);
    text(v.expected);
    integer(static_cast<int64_t>(v.texts.size()));
    for (const std::string& t : v.texts) text(t);
    bytes(v.bytes.data(), v.bytes.size());
  }
  void flush() {
    write_all(buffer_.data(), buffer_.size());
    buffer_.clear();
  }

 private:
  static constexpr size_t most_buffered = 1 << 16;

  void write_all(const void* data, size_t count) {
    const auto* from = static_cast<const char*>(data);
    while (count > 0) {
      const ssize_t n = ::write(descriptor_, from, count);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) ::_exit(1);
      from += n;
      count -= static_cast<size_t>(n);
    }
  }

  int descriptor_;
  std::vector<char> buffer_;
};

/// Standard numbers of 1 to 8 bytes and texts; "another type" for all else.
std::string type_name(hid_t type) {
  const size_t bytes = H5Tget_size(type);
  const std::string bits = std::to_string(8 * bytes);
  const bool whole = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      if (!whole || H5Tget_precision(type) != 8 * bytes || H5Tget_offset(type) != 0) break;
      return (H5Tget_sign(type) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_FLOAT:
      for (const hid_t known : {H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE}) {
        if (H5Tequal(type, known) > 0) return "float" + bits;
      }
      break;
    case H5T_STRING:
      return "text";
    default:
      break;
  }
  return "another type";
}

class Sender {
 public:
  Sender(hid_t file, int64_t file_bytes, Pipe& out)
      : file_(file), most_(std::min(most_bytes, greatest_compression * file_bytes)), out_(out) {}

  void all() {
    const Handle root(H5Gopen2(file_, "/", H5P_DEFAULT));
    if (!root.ok()) throw damaged;
    group(root, "/", 0);
  }

 private:
  struct Links {
    std::vector<std::pair<std::string, H5L_type_t>> found;
    int64_t left;
  };
  static herr_t add_link(hid_t, const char* name, const H5L_info_t* info, void* links) {
    auto& all = *static_cast<Links*>(links);
    all.found.emplace_back(name, info->type);
    return all.left-- > 0 ? 0 : -1;
  }
  struct Names {
    std::vector<std::string> found;
    int64_t left;
  };
  static herr_t add_name(hid_t, const char* name, const H5A_info_t*, void* names) {
    auto& all = *static_cast<Names*>(names);
    all.found.emplace_back(name);
    return all.left-- > 0 ? 0 : -1;
  }

  /// Counts the object; its header must be of the version that has checksums.
  void check_header(hid_t object) {
    H5O_info_t info;
    if (--objects_left_ < 0 ||
        H5Oget_info2(object, &info, H5O_INFO_BASIC | H5O_INFO_HDR | H5O_INFO_NUM_ATTRS) < 0) {
      throw damaged;
    }
    constexpr unsigned first_with_checksums = 2;
    if (info.hdr.version < first_with_checksums) throw old_metadata;
    addresses_.insert(info.addr);
  }

  void group(hid_t id, const std::string& path, int depth) {
    check_header(id);
    H5G_info_t info;
    if (H5Gget_info(id, &info) < 0 || depth > deepest_group) throw damaged;
    if (info.storage_type == H5G_STORAGE_TYPE_SYMBOL_TABLE) throw old_metadata;
    out_.record(Record::group);
    out_.text(path);
    attributes(id, path);
    Links links{{}, objects_left_};
    hsize_t next = 0;
    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, &next, add_link, &links) < 0) throw damaged;
    for (const auto& [name, type] : links.found) {
      const std::string child = (path == "/" ? "" : path) + "/" + name;
      if (type != H5L_TYPE_HARD) continue;  // leads to somewhere else: no object of this file
      const Handle object(H5Oopen(id, name.c_str(), H5P_DEFAULT));
      if (!object.ok()) throw damaged;
      switch (H5Iget_type(object)) {
        case H5I_GROUP: {
          H5O_info_t of_child;
          if (H5Oget_info2(object, &of_child, H5O_INFO_BASIC) < 0) throw damaged;
          if (addresses_.count(of_child.addr) > 0) throw damaged;  // a loop
          group(object, child, depth + 1);
          break;
        }
        case H5I_DATASET:
          check_header(object);
          out_.record(Record::dataset);
          out_.text(child);
          out_.value(dataset(object));
          attributes(object, child);
          break;
        default:
          break;
      }
    }
  }

  void attributes(hid_t object, const std::string& path) {
    Names names{{}, objects_left_};
    hsize_t next = 0;
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &next, add_name, &names) < 0) {
      throw damaged;
    }
    for (const std::string& name : names.found) {
      if (--objects_left_ < 0) throw damaged;
      const Handle id(H5Aopen(object, name.c_str(), H5P_DEFAULT));
      if (!id.ok()) throw damaged;
      const Handle type(H5Aget_type(id));
      const Handle space(H5Aget_space(id));
      const auto read = [&](hid_t memory, void* buffer) {
        return H5Aread(id, memory, buffer) >= 0;
      };
      out_.record(Record::attribute);
      out_.text(path);
      out_.text(name);
      out_.value(value(type, space, most_, read));
    }
  }

  /// Storage of the kinds that have checksums, or none to need them; filters that are ours.
  Value dataset(hid_t id) {
    const Handle type(H5Dget_type(id));
    const Handle space(H5Dget_space(id));
    const Handle properties(H5Dget_create_plist(id));
    if (!type.ok() || !space.ok() || !properties.ok()) throw damaged;
    const H5D_layout_t layout = H5Pget_layout(properties);
    bool known = (layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED) &&
                 H5Pget_external_count(properties) == 0;
    for (int i = 0; i < std::max(0, H5Pget_nfilters(properties)); ++i) {
      unsigned flags = 0;
      size_t parameters = 0;
      const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags,
                                                 &parameters, nullptr, 0, nullptr, nullptr);
      known = known && (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
                        filter == H5Z_FILTER_FLETCHER32);
    }
    if (!known) {
      return {type_name(type),
              {},
              {},
              {},
              "is stored in a way that is not read here",
              "compact, contiguous or chunked, with deflate, shuffle and fletcher32 alone"};
    }
    const auto read = [&](hid_t memory, void* buffer) {
      return H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) >= 0;
    };
    // The index of chunks grows with what the data set claims: not looked at where that is too
    // much.
    const hssize_t claimed = H5Sget_simple_extent_npoints(space);
    if (claimed < 0 || claimed > most_) return value(type, space, most_, read);
    H5D_chunk_index_t index;
    if (layout == H5D_CHUNKED && H5Dget_chunk_index_type(id, &index) >= 0 &&
        index == H5D_CHUNK_IDX_BTREE) {
      throw old_metadata;
    }
    // Where nothing is stored, a few bytes would claim any amount of fill values.
    return value(type, space, H5Dget_storage_size(id) == 0 ? 0 : most_, read);
  }

  /// At most `most` bytes of values. `read` fills a buffer with elements of a type.
  template <class Read>
  Value value(hid_t type, hid_t space, int64_t most, const Read& read) {
    Value v;
    v.type = type_name(type);
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    const int rank = kind == H5S_NULL ? 0 : H5Sget_simple_extent_ndims(space);
    if (rank < 0) throw damaged;
    std::vector<hsize_t> sizes(static_cast<size_t>(rank));
    if (H5Sget_simple_extent_dims(space, sizes.data(), nullptr) < 0) throw damaged;
    for (const hsize_t size : sizes) {
      v.dimensions.push_back(size > static_cast<hsize_t>(most_bytes) ? most_bytes + 1
                                                                     : static_cast<int64_t>(size));
    }
    if (kind == H5S_NULL || v.type == "another type") {
      v.problem = kind == H5S_NULL ? "holds nothing" : "holds another type";
      v.expected = "numbers or texts";
      return v;
    }
    const int64_t count = v.elements();
    const bool variable = H5Tis_variable_str(type) > 0;
    const auto width = static_cast<int64_t>(variable ? sizeof(char*) : H5Tget_size(type));
    if (count > 0 && (width > most_bytes || width > most / count)) {
      v.problem = "claims " + std::to_string(count) + " elements";
      v.expected = "as many as the file holds";
      return v;
    }
    if (count == 0) return v;
    if (v.type == "text") {
      if (!read_texts(type, space, variable, count, static_cast<size_t>(width), read, v.texts)) {
        v.texts.clear();
        v.problem = "is damaged";
        v.expected = "readable text";
      }
      return v;
    }
    const Handle memory(H5Tget_native_type(type, H5T_DIR_ASCEND));
    v.bytes.resize(static_cast<size_t>(count * width));
    if (!memory.ok() || H5Tget_size(memory) != static_cast<size_t>(width) ||
        !read(memory, v.bytes.data())) {
      v.bytes.clear();
      v.problem = "is damaged";
      v.expected = "readable values";
    }
    return v;
  }

  template <class Read>
  static bool read_texts(hid_t type, hid_t space, bool variable, int64_t count, size_t width,
                         const Read& read, std::vector<std::string>& texts) {
    if (variable) {
      const Handle memory(H5Tcopy(H5T_C_S1));
      H5Tset_size(memory, H5T_VARIABLE);
      H5Tset_cset(memory, H5Tget_cset(type));
      std::vector<char*> pointers(static_cast<size_t>(count));
      if (!read(static_cast<hid_t>(memory), pointers.data())) return false;
      for (const char* p : pointers) texts.emplace_back(p == nullptr ? "" : p);
      H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointers.data());
      return true;
    }
    std::vector<char> bytes(static_cast<size_t>(count) * width);
    if (!read(type, bytes.data())) return false;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const char* const text = bytes.data() + i * width;
      texts.emplace_back(text, strnlen(text, width));
    }
    return true;
  }

  hid_t file_;
  int64_t most_;
  Pipe& out_;
  int64_t objects_left_ = most_objects;
  std::set<haddr_t> addresses_;  // of groups and data sets so far
};

}  // namespace

void send_content(const std::string& path, int64_t file_bytes, int descriptor) {
  Pipe out(descriptor);
  try {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5PLset_loading_state(0);
    // Files are replaced whole, so that a reader needs no lock; many file systems have none.
    const Handle access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_file_locking(access, false, true);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access);
    if (file < 0) throw damaged;
    Sender(file, file_bytes, out).all();
    out.record(Record::end);
  } catch (const Refusal& refusal) {
    out.record(Record::refusal);
    out.text(refusal.what);
    out.text(refusal.expected);
  } catch (const std::exception&) {
    return;  // out of memory: the same to the reader as a crash
  }
  out.flush();
}

}  // namespace stuckat::hdf5
