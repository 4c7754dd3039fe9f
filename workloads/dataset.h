// Labelled images, as bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

struct PictureFolder;

struct DataSet {
  std::string name;  ///< "fashion-mnist", "cifar10", ... as the user named it
  Shape shape;       ///< of one image, for instance 28x28x1 or 32x32x3
  int classes = 0;
  std::vector<uint8_t> pixels;           ///< [size()][height][width][channels]
  bool is_signed = false;                ///< the bytes are integers -128 .. 127 (raw data)
  bool is_raw = false;                   ///< the bytes are the input's elements, not a picture
  std::vector<uint16_t> labels;          ///< [size()], 0 .. classes-1
  std::vector<std::string> class_names;  ///< [classes] or empty
  /// Where the images are if they are not in `pixels`, which is empty then (open_dataset()).
  std::shared_ptr<const PictureFolder> folder;

  int size() const { return static_cast<int>(labels.size()); }
  /// Of images in memory.
  const uint8_t* image(int index) const {
    return pixels.data() + static_cast<size_t>(index) * static_cast<size_t>(shape.size());
  }
};

/// Which images of which half; count < 0 is all that follow `offset`.
struct Subset {
  bool train = false;
  int offset = 0;
  int count = -1;
};

struct ImageRange {
  size_t first = 0;
  size_t count = 0;
};
/// The images of `available` that a subset selects. Throws InputError(path, ...) if it is empty or
/// beyond the end.
ImageRange range_of(const Subset& subset, size_t available, const std::string& path);

/// Reads `NAME[:PATH]`: fashion-mnist, mnist, cifar10, gtsrb, svhn, images, images@SIDE, imagenet,
/// cifar:PATH (any number of classes, see dataset_names()). The PATH of fashion-mnist defaults to
/// where Debian's package dataset-fashion-mnist puts it. Files may be packed with gzip or xz. Where
/// PATH is one file of records, it is read whichever half is asked for. Throws InputError on a file
/// that is missing or damaged, a label beyond the classes, and a subset that is empty or beyond the
/// end.
DataSet read_dataset(const std::string& name_and_path, const Subset& subset);

/// The same, but folders of pictures whose pixels take more than `memory_bytes` stay in their
/// files: only the trainer takes such a set, and decodes it ahead (decode_ahead.h).
DataSet open_dataset(const std::string& name_and_path, const Subset& subset, int64_t memory_bytes);

/// Those images, in memory.
DataSet images_at(const DataSet& data, std::span<const int> indices);
/// The first `count` images, in memory.
DataSet first_images(const DataSet& data, int count);
/// At most `most` of them, spread evenly, in memory: files may hold one class after the other.
DataSet spread_images(const DataSet& data, int most);

/// Names that read_dataset knows, with one line of help each, for --help.
std::vector<std::pair<std::string, std::string>> dataset_names();

/// Whether `name` can be read without a PATH.
bool has_default_path(const std::string& name);

/// Throws InputError(where, ...) where the data contradict what the network says about its own: the
/// name of the data set, the names of the classes and their order (letters and digits count, not
/// their case), the number of classes, the shape; and where pictures are smaller than the input,
/// which would be filled up with black.
void check_same_data(const Network& network, const DataSet& data, const std::string& where);

/// The network is for the data set NAME[:PATH]: takes its name, and the names of its classes where
/// the network has none. With a PATH, or one of its own, an image is read, else what is known of
/// the data set by its name has to do. Throws InputError as check_same_data() does.
void set_data(Network& network, const std::string& name_and_path);

/// SHA-256 over shape, classes, pixels and labels, as hex text: not over names and paths. Of images
/// that are not in memory, the files' names and sizes take the place of pixels.
std::string content_hash(const DataSet& data);

/// Image `index` as input of `network`, by its input map if it has one: raw data in the order of
/// the input's elements, their number alone must fit. Else fixed-point inputs by
/// fixed_point_from_pixel(), binary inputs +1 where pixel >= 128. A smaller image is centred in the
/// network's input, pixels 0 around it (28x28 in 32x32: 2 on each side); a single-channel image
/// feeds a three-channel network by repetition. Throws InputError if it does not fit, or on another
/// input format.
Tensor input_tensor(const Network& network, const DataSet& data, int index);

/// The same conversion for one image given as bytes [shape.height][shape.width][shape.channels].
Tensor input_tensor(Shape input, NumberFormat format, const uint8_t* pixels, Shape shape,
                    const std::string& where);

}  // namespace stuckat
