#include "workloads/dataset.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>
#include <numeric>

#include "workloads/cifar_reader.h"
#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/idx_reader.h"
#include "workloads/image_folder.h"
#include "workloads/mat_reader.h"
#include "workloads/raw_reader.h"

namespace stuckat {
namespace {

namespace fs = std::filesystem;

constexpr int as_in_the_file = 0;  // Row::classes: the greatest label + 1

enum class Reader : uint8_t { idx, cifar, mat, pictures, raw, raw_channels_first };

/// Everything that is known about one data set. In a folder, a half is the files of its list.
struct Row {
  std::string name;
  std::string help;
  Reader reader;
  std::string default_path;
  int classes;
  std::vector<std::string> train_files;  // idx: images, labels; cifar: any number of record files
  std::vector<std::string> test_files;
  std::vector<std::string> class_names;
  PictureSize size = {};  // pictures
  Shape shape = {};       // of its images, where classes are known
};

const std::vector<Row>& rows() {
  static const std::vector<std::string> idx_train = {"train-images-idx3-ubyte",
                                                     "train-labels-idx1-ubyte"};
  static const std::vector<std::string> idx_test = {"t10k-images-idx3-ubyte",
                                                    "t10k-labels-idx1-ubyte"};
  constexpr Shape grey{28, 28, 1};
  constexpr Shape colour{cifar_side, cifar_side, cifar_channels};
  static const std::vector<Row> table = {
      {"fashion-mnist",
       "Fashion-MNIST, 28x28 grey, 10 classes; PATH: folder of the IDX files, by default that of "
       "Debian's package dataset-fashion-mnist",
       Reader::idx,
       "/usr/share/datasets/fashion-mnist",
       10,
       idx_train,
       idx_test,
       {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot"},
       {},
       grey},
      {"mnist",
       "MNIST, 28x28 grey, 10 classes; PATH: folder of the IDX files",
       Reader::idx,
       "",
       10,
       idx_train,
       idx_test,
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
       {},
       grey},
      {"cifar10",
       "CIFAR-10, 32x32 colour, 10 classes; PATH: folder of the binary batches, or one such file",
       Reader::cifar,
       "",
       10,
       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
        "data_batch_5.bin"},
       {"test_batch.bin"},
       {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
       {},
       colour},
      {"gtsrb",
       "German traffic signs as 32x32 colour CIFAR records, 43 classes; PATH: folder of "
       "gtsrb_train_32x32.bin and gtsrb_test_32x32.bin, or one such file",
       Reader::cifar,
       "",
       43,
       {"gtsrb_train_32x32.bin"},
       {"gtsrb_test_32x32.bin"},
       {},
       {},
       colour},
      {"svhn",
       "Street View House Numbers, 32x32 colour, 10 classes; PATH: folder of train_32x32.mat and "
       "test_32x32.mat, or one such file",
       Reader::mat,
       "",
       10,
       {"train_32x32.mat"},
       {"test_32x32.mat"},
       {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
       {},
       colour},
      {"images",
       "JPEG or PNG files of one size; PATH: folder with train/CLASS/... and test/CLASS/... (or "
       "val); images@SIDE:PATH brings the shorter side to SIDE pixels and takes the middle square",
       Reader::pictures,
       "",
       as_in_the_file,
       {},
       {},
       {}},
      {"imagenet",
       "the same, shorter side 256, the middle 224x224",
       Reader::pictures,
       "",
       as_in_the_file,
       {},
       {},
       {},
       {256, 224}},
      {"cifar",
       "any 32x32 colour images as CIFAR records, as many classes as the greatest label + 1; PATH: "
       "the file",
       Reader::cifar,
       "",
       as_in_the_file,
       {},
       {},
       {}},
      {"raw",
       "int8 or uint8 integers as the network's input takes them; PATH: X.npy with X.labels.npy, a "
       "folder of inputs.npy and labels.npy, or of files and a .csv 'file, classes, label', or an "
       "HDF5 file with /inputs and /labels; [inputs][elements] or "
       "[inputs][height][width][channels]",
       Reader::raw,
       "",
       as_in_the_file,
       {},
       {},
       {}},
      {"raw-chw",
       "the same, [inputs][channels][height][width]",
       Reader::raw_channels_first,
       "",
       as_in_the_file,
       {},
       {},
       {}},
  };
  return table;
}

/// The files of one half in the folder `path`, or `path` itself if it is a file.
std::vector<std::string> half_files(const Row& row, const std::string& path, bool train) {
  std::error_code error;  // a path that cannot be looked at counts as missing
  const bool one_file = row.reader == Reader::cifar || row.reader == Reader::mat;
  if (one_file && fs::is_regular_file(path, error)) return {path};
  const auto& names = train ? row.train_files : row.test_files;
  if (names.empty() || !fs::is_directory(path, error)) {
    throw InputError(row.name + ":" + path, "no such file or folder", row.help);
  }
  std::vector<std::string> files;
  for (const std::string& name : names) {
    files.push_back(find_compressed(path, name));
    if (files.back().empty()) {
      throw InputError(path, "no " + name, "it here, plain or packed (.gz, .xz)");
    }
  }
  return files;
}

}  // namespace

ImageRange range_of(const Subset& subset, size_t available, const std::string& path) {
  const auto total = static_cast<int64_t>(available);
  const int64_t count = subset.count < 0 ? total - subset.offset : subset.count;
  if (subset.offset < 0 || count < 1 || subset.offset + count > total) {
    throw InputError(
        path,
        (subset.count < 0 ? "all" : std::to_string(subset.count)) + std::string(" images") +
            (subset.offset == 0 ? "" : " from " + std::to_string(subset.offset) + " on"),
        "some of the " + std::to_string(total) + " that are there");
  }
  return {static_cast<size_t>(subset.offset), static_cast<size_t>(count)};
}

namespace {

void check_label(int label, int classes, const std::string& path) {
  if (label < classes) return;
  throw InputError(path, "label " + std::to_string(label), "0 to " + std::to_string(classes - 1));
}

void read_idx_pair(DataSet& data, const std::vector<std::string>& files, const Subset& subset) {
  constexpr int64_t most_pixels_a_side = 4096;
  const IdxArray images = read_idx(files[0], 3);
  const IdxArray labels = read_idx(files[1], 1);
  const int64_t height = images.extents[1];
  const int64_t width = images.extents[2];
  if (height < 1 || width < 1 || height > most_pixels_a_side || width > most_pixels_a_side) {
    throw InputError(
        files[0], "images of " + std::to_string(height) + "x" + std::to_string(width) + " pixels",
        "1 to 4096 each way");
  }
  if (labels.extents[0] != images.extents[0]) {
    throw InputError(files[1], std::to_string(labels.extents[0]) + " labels",
                     std::to_string(images.extents[0]) + ", one for each image");
  }
  data.shape = {static_cast<int>(height), static_cast<int>(width), 1};
  const ImageRange range = range_of(subset, labels.values.size(), files[0]);
  const auto begin = labels.values.begin() + static_cast<std::ptrdiff_t>(range.first);
  data.labels.assign(begin, begin + static_cast<std::ptrdiff_t>(range.count));
  for (const uint16_t label : data.labels) check_label(label, data.classes, files[1]);
  const size_t size = static_cast<size_t>(data.shape.size());
  const uint8_t* pixels = images.values.data() + range.first * size;
  data.pixels.assign(pixels, pixels + range.count * size);
}

void read_cifar(DataSet& data, const std::vector<std::string>& files, const Subset& subset) {
  const std::vector<uint8_t> records = read_cifar_records(files);
  const size_t available = records.size() / cifar_record_bytes;
  if (data.classes == as_in_the_file) {  // of the whole file: a subset has the same classes
    for (size_t i = 0; i < available; ++i) {
      data.classes = std::max(data.classes, records[i * cifar_record_bytes] + 1);
    }
  }
  data.shape = {cifar_side, cifar_side, cifar_channels};
  const ImageRange range = range_of(subset, available, files.front());
  const size_t size = static_cast<size_t>(data.shape.size());
  data.pixels.resize(range.count * size);
  for (size_t i = 0; i < range.count; ++i) {
    const uint8_t* record = records.data() + (range.first + i) * cifar_record_bytes;
    check_label(record[0], data.classes, files.front());
    data.labels.push_back(record[0]);
    cifar_pixels(record, data.pixels.data() + i * size);
  }
}

/// Digit 0 has label 10 in the file.
void read_svhn(DataSet& data, const std::string& path, const Subset& subset) {
  MatImages images = read_mat_images(path);
  data.shape = {images.height, images.width, images.channels};
  const ImageRange range = range_of(subset, images.labels.size(), path);
  for (size_t i = range.first; i < range.first + range.count; ++i) {
    const int label = images.labels[i];
    if (label < 1 || label > data.classes) {
      throw InputError(path, "label " + std::to_string(label), "1 to 10");
    }
    data.labels.push_back(static_cast<uint16_t>(label % data.classes));
  }
  const auto size = static_cast<size_t>(data.shape.size());
  const auto begin = images.pixels.begin() + static_cast<std::ptrdiff_t>(range.first * size);
  data.pixels.assign(begin, begin + static_cast<std::ptrdiff_t>(range.count * size));
}

void read_raw(DataSet& data, const std::string& path, bool channels_first, const Subset& subset) {
  const RawInputs raw = read_raw_inputs(path, channels_first);
  data.is_raw = true;
  data.is_signed = raw.is_signed;
  data.shape = raw.shape;
  data.classes = raw.classes;
  const ImageRange range = range_of(subset, raw.labels.size(), path);
  const auto first = raw.labels.begin() + static_cast<std::ptrdiff_t>(range.first);
  data.labels.assign(first, first + static_cast<std::ptrdiff_t>(range.count));
  const auto size = static_cast<size_t>(raw.shape.size());
  const auto bytes = raw.bytes.begin() + static_cast<std::ptrdiff_t>(range.first * size);
  data.pixels.assign(bytes, bytes + static_cast<std::ptrdiff_t>(range.count * size));
}

/// SIDE of a name like images@SIDE.
int parse_side(const std::string& name_and_path, const std::string& text) {
  constexpr int most = 4096;
  int side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || end != text.data() + text.size() || side < 1 || side > most) {
    throw InputError(name_and_path, "side '" + text + "'", "1 to 4096 pixels");
  }
  return side;
}

DataSet in_files(PictureFolder folder) {
  DataSet data;
  data.shape = folder.shape;
  data.class_names = folder.class_names;
  data.classes = static_cast<int>(folder.class_names.size());
  for (const auto& file : folder.files) data.labels.push_back(file.label);
  data.folder = std::make_shared<const PictureFolder>(std::move(folder));
  return data;
}

std::string text(Shape s) {
  return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
         std::to_string(s.channels);
}

}  // namespace

bool has_default_path(const std::string& name) {
  return std::any_of(rows().begin(), rows().end(),
                     [&](const Row& row) { return row.name == name && !row.default_path.empty(); });
}

namespace {

/// Of data sets that are what their files hold: `images`, `imagenet`, `cifar`.
bool is_generic(const std::string& name) {
  return std::any_of(rows().begin(), rows().end(), [&](const Row& row) {
    return row.name == name && row.classes == as_in_the_file;
  });
}

std::string plain(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return result;
}

std::string listed(const std::vector<std::string>& names) {
  constexpr size_t shown = 12;
  std::string text;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i) text += (i > 0 ? ", " : "") + names[i];
  return names.size() > shown ? text + ", ..." : text;
}

void check_class_names(const Network& network, const DataSet& data, const std::string& where) {
  std::vector<std::string> ours, theirs;
  for (const auto& name : network.class_names) ours.push_back(plain(name));
  for (const auto& name : data.class_names) theirs.push_back(plain(name));
  if (ours.empty() || theirs.empty() || ours == theirs) return;
  std::vector<std::string> a = ours, b = theirs;
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  throw InputError(where,
                   std::string(a == b ? "its classes have another order than those of "
                                      : "its classes are not those of ") +
                       data.name + " (" + listed(data.class_names) + ")",
                   listed(network.class_names));
}

}  // namespace

void check_same_data(const Network& network, const DataSet& data, const std::string& where) {
  if (!network.data.empty() && network.data != data.name && !is_generic(network.data) &&
      !is_generic(data.name)) {
    throw InputError(where, "is a network for " + network.data, "data of that, not " + data.name);
  }
  check_class_names(network, data, where);
  const bool may_lack_some = is_generic(data.name);  // classes that no image is of
  if (data.classes > network.classes() || (data.classes < network.classes() && !may_lack_some)) {
    throw InputError(where,
                     std::to_string(network.classes()) + " classes for the " +
                         std::to_string(data.classes) + " classes of " + data.name,
                     "a network for this data set");
  }
  const Shape input = network.input();
  const bool smaller = data.shape.height < input.height || data.shape.width < input.width;
  const bool pictures = is_generic(data.name) && data.name != "cifar" && !data.is_raw;
  if (smaller && pictures) {
    throw InputError(
        data.name,
        "pictures of " + text(data.shape) + " for the input of " + text(input) + " of " + where,
        "pictures of that size (images@" + std::to_string(std::max(input.height, input.width)) +
            ":PATH brings all to it)");
  }
  if (data.size() > 0 && data.folder == nullptr) (void)input_tensor(network, data, 0);
}

namespace {

/// Throws InputError(text, ...) if there is none of this name.
const Row& row_called(const std::string& name, const std::string& text) {
  const auto row = std::find_if(rows().begin(), rows().end(),
                                [&](const Row& candidate) { return candidate.name == name; });
  if (row != rows().end()) return *row;
  std::vector<std::string> known;
  for (const Row& candidate : rows()) known.push_back(candidate.name);
  throw_unknown_name(text, "data set", name, known);
}

/// An image of `row`, black, if it is known what they are like.
DataSet known_of(const Row& row) {
  DataSet data;
  data.name = row.name;
  data.classes = row.classes;
  data.class_names = row.class_names;
  data.shape = row.shape;
  data.pixels.resize(static_cast<size_t>(row.shape.size()));
  data.labels = {0};
  return data;
}

}  // namespace

void set_data(Network& network, const std::string& name_and_path) {
  const std::string name = name_and_path.substr(0, name_and_path.find_first_of(":@"));
  const Row& row = row_called(name, name_and_path);
  const bool has_path = name_and_path.find(':') != std::string::npos || !row.default_path.empty();
  network.data = name;
  if (!has_path && row.classes == as_in_the_file) return;
  const DataSet data = has_path ? read_dataset(name_and_path, {.count = 1}) : known_of(row);
  check_same_data(network, data, network.name);
  const bool all_named = data.class_names.size() == static_cast<size_t>(network.classes());
  if (network.class_names.empty() && all_named) network.class_names = data.class_names;
}

DataSet read_dataset(const std::string& name_and_path, const Subset& subset) {
  return open_dataset(name_and_path, subset, std::numeric_limits<int64_t>::max());
}

DataSet open_dataset(const std::string& name_and_path, const Subset& subset, int64_t memory_bytes) {
  const size_t colon = name_and_path.find(':');
  std::string name = name_and_path.substr(0, colon);
  PictureSize size;
  if (name.starts_with("images@")) {
    size.shorter = size.crop =
        parse_side(name_and_path, name.substr(std::string("images@").size()));
    name = "images";
  }
  const Row* const row = &row_called(name, name_and_path);
  const std::string path =
      colon == std::string::npos ? row->default_path : name_and_path.substr(colon + 1);
  if (path.empty()) throw InputError(name_and_path, "no path", row->name + ":PATH, " + row->help);

  if (row->reader == Reader::pictures) {
    PictureFolder folder = list_image_folder(path, size.shorter > 0 ? size : row->size, subset);
    const auto images = static_cast<int>(folder.files.size());
    const bool fits = int64_t{images} * folder.shape.size() <= memory_bytes;
    DataSet data = fits ? decoded(folder, images) : in_files(std::move(folder));
    data.name = row->name;
    return data;
  }
  DataSet data;
  data.name = row->name;
  data.classes = row->classes;
  data.class_names = row->class_names;
  if (row->reader == Reader::raw || row->reader == Reader::raw_channels_first) {
    read_raw(data, path, row->reader == Reader::raw_channels_first, subset);
    return data;
  }
  const std::vector<std::string> files = half_files(*row, path, subset.train);
  if (row->reader == Reader::idx) read_idx_pair(data, files, subset);
  if (row->reader == Reader::cifar) read_cifar(data, files, subset);
  if (row->reader == Reader::mat) read_svhn(data, files.front(), subset);
  return data;
}

std::vector<std::pair<std::string, std::string>> dataset_names() {
  std::vector<std::pair<std::string, std::string>> names;
  for (const Row& row : rows()) names.emplace_back(row.name, row.help);
  return names;
}

DataSet images_at(const DataSet& data, std::span<const int> indices) {
  if (data.folder != nullptr) {
    PictureFolder some = *data.folder;
    some.files.clear();
    for (const int i : indices) some.files.push_back(data.folder->files[static_cast<size_t>(i)]);
    DataSet result = decoded(some, static_cast<int>(indices.size()));
    result.name = data.name;
    return result;
  }
  DataSet result;
  result.name = data.name;
  result.shape = data.shape;
  result.classes = data.classes;
  result.is_signed = data.is_signed;
  result.is_raw = data.is_raw;
  result.class_names = data.class_names;
  const auto size = static_cast<size_t>(data.shape.size());
  result.pixels.reserve(size * indices.size());
  for (const int i : indices) {
    result.labels.push_back(data.labels[static_cast<size_t>(i)]);
    const uint8_t* const pixels = data.image(i);
    result.pixels.insert(result.pixels.end(), pixels, pixels + size);
  }
  return result;
}

DataSet first_images(const DataSet& data, int count) {
  std::vector<int> first(static_cast<size_t>(count));
  std::iota(first.begin(), first.end(), 0);
  return images_at(data, first);
}

DataSet spread_images(const DataSet& data, int most) {
  const int count = std::min(data.size(), most);
  std::vector<int> spread;
  for (int64_t i = 0; i < count; ++i) spread.push_back(static_cast<int>(i * data.size() / count));
  return images_at(data, spread);
}

std::string content_hash(const DataSet& data) {
  Hasher hasher;
  hasher.add(data.shape.height).add(data.shape.width).add(data.shape.channels).add(data.classes);
  if (data.folder != nullptr) {
    for (const auto& file : data.folder->files) {
      std::error_code error;  // a file that is gone is told when it is read
      hasher.add(file.name).add(uint64_t{fs::file_size(file.path, error)});
    }
  }
  if (data.is_signed) hasher.add(std::string_view("int8"));
  return hasher.add(std::span<const uint8_t>(data.pixels))
      .add(std::span<const uint16_t>(data.labels))
      .hex();
}

namespace {

/// The input's element for byte `byte` of `data`.
int32_t mapped(const Network& network, const DataSet& data, uint8_t byte, int channel) {
  const InputMap& map = network.input_map;
  const int integer = data.is_signed ? static_cast<int8_t>(byte) : byte;
  if (map.empty()) return integer;  // raw data for a network that says nothing
  if (data.is_signed) return map.integers[static_cast<size_t>(integer + 128)];
  const size_t row = map.pixels.size() > 256 ? static_cast<size_t>(channel) : 0;
  return map.pixels[row * 256 + byte];
}

void check_map(const Network& network, const DataSet& data) {
  const InputMap& map = network.input_map;
  if (map.empty()) return;
  if (data.is_signed ? map.integers.empty() : map.pixels.empty()) {
    throw InputError(
        data.name,
        (data.is_signed ? "int8 inputs" : "pixels") + std::string(" for ") + network.name,
        data.is_signed ? "pixels 0 to 255" : "int8 inputs (raw:PATH)");
  }
}

/// Raw bytes element by element, a picture as input_tensor() places it, black pixels around.
Tensor mapped_input(const Network& network, const DataSet& data, int index) {
  check_map(network, data);
  const Shape input = network.input();
  const NumberFormat format = network.layers.front().input_format;
  Tensor tensor{input, {}};
  tensor.values.reserve(static_cast<size_t>(input.size()));
  const uint8_t* const bytes = data.image(index);
  if (data.is_raw) {
    if (data.shape.size() != input.size()) {
      throw InputError(data.name, "inputs of " + text(data.shape), text(input) + " elements");
    }
    for (int i = 0; i < input.size(); ++i) {
      tensor.values.push_back(mapped(network, data, bytes[i], i % input.channels));
    }
  } else {
    const Shape shape = data.shape;
    if (shape.height > input.height || shape.width > input.width ||
        (shape.channels != 1 && shape.channels != input.channels)) {
      if (shape.size() != input.size()) {
        throw InputError(data.name, "images of " + text(shape) + " for an input of " + text(input),
                         "smaller ones, of one channel or as many");
      }
      for (int i = 0; i < input.size(); ++i) {
        tensor.values.push_back(mapped(network, data, bytes[i], 0));
      }
      return tensor;
    }
    const int top = (input.height - shape.height) / 2;
    const int left = (input.width - shape.width) / 2;
    for (int y = 0; y < input.height; ++y) {
      for (int x = 0; x < input.width; ++x) {
        for (int c = 0; c < input.channels; ++c) {
          const bool inside = shape.holds(y - top, x - left);
          const int channel = shape.channels == 1 ? 0 : c;
          const int at = ((y - top) * shape.width + x - left) * shape.channels + channel;
          tensor.values.push_back(mapped(network, data, inside ? bytes[at] : uint8_t{0}, c));
        }
      }
    }
  }
  for (const int32_t value : tensor.values) {
    const bool ok = value >= format.min_value() && value <= format.max_level() &&
                    (value != 0 || format.kind != FormatKind::binary);
    if (!ok) {
      throw InputError(data.name, "the integer " + std::to_string(value),
                       "a value of " + format.name());
    }
  }
  return tensor;
}

}  // namespace

Tensor input_tensor(const Network& network, const DataSet& data, int index) {
  if (index < 0 || index >= data.size()) {
    throw InputError(data.name, "image " + std::to_string(index),
                     "0 to " + std::to_string(data.size() - 1));
  }
  const Layer& first = network.layers.front();
  if (!network.input_map.empty() || data.is_raw) return mapped_input(network, data, index);
  return input_tensor(first.input, first.input_format, data.image(index), data.shape, data.name);
}

Tensor input_tensor(Shape input, NumberFormat format, const uint8_t* pixels, Shape shape,
                    const std::string& where) {
  constexpr int least_bright_pixel = 128;  // that a binary input sees as +1
  if (format != binary_format && format != fixed_point_format) {
    throw InputError(where, "images for a network with " + format.name() + " input",
                     "a network with binary or fixed8 input");
  }
  if (shape.height > input.height || shape.width > input.width ||
      (shape.channels != 1 && shape.channels != input.channels)) {
    throw InputError(where, "images of " + text(shape) + " for an input of " + text(input),
                     "smaller ones, of one channel or as many");
  }
  const int top = (input.height - shape.height) / 2;
  const int left = (input.width - shape.width) / 2;
  Tensor tensor{input, {}};
  tensor.values.reserve(static_cast<size_t>(input.size()));
  for (int y = 0; y < input.height; ++y) {
    for (int x = 0; x < input.width; ++x) {
      const int iy = y - top;
      const int ix = x - left;
      const bool inside = iy >= 0 && ix >= 0 && iy < shape.height && ix < shape.width;
      for (int c = 0; c < input.channels; ++c) {
        const int channel = shape.channels == 1 ? 0 : c;
        const int pixel = inside ? pixels[(iy * shape.width + ix) * shape.channels + channel] : 0;
        tensor.values.push_back(format == binary_format ? (pixel >= least_bright_pixel ? 1 : -1)
                                                        : fixed_point_from_pixel(pixel));
      }
    }
  }
  return tensor;
}

}  // namespace stuckat
