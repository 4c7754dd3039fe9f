// Folders of JPEG and PNG files, one folder for each class, as ImageNet is laid out.
#pragma once

#include <string>
#include <vector>

#include "workloads/dataset.h"

namespace stuckat {

/// How pictures become images of one size. shorter = 0: as they are, all of the same size.
struct PictureSize {
  int shorter = 0;  ///< pixels of the shorter side
  int crop = 0;     ///< the middle crop x crop of that
};

/// Pictures that are decoded when they are asked for.
struct PictureFolder {
  struct File {
    std::string path;
    std::string name;  ///< CLASS/FILE
    uint16_t label = 0;
  };
  std::vector<File> files;
  std::vector<std::string> class_names;
  PictureSize size;
  Shape shape;  ///< of every image

  /// Image `index` into [height][width][3] bytes, by any thread. Throws InputError, which names the
  /// file, if it is damaged or of another shape.
  void decode(int index, uint8_t* pixels) const;
};

/// As read_image_folder(), but only the first picture is decoded.
PictureFolder list_image_folder(const std::string& path, const PictureSize& size,
                                const Subset& subset);

/// The half `subset.train` of `path`: its folder "train", else "test" or "val", one folder in it
/// for each class (in the order of names); pictures may lie in folders of those. Tiny-ImageNet's
/// val_annotations.txt, beside one folder "images", says the classes as well. Images are the first
/// of every class, then the second of every class, and so on, so that a subset has all classes.
/// Decoded on all processors. Throws InputError: no such folder, no classes, other classes in the
/// other half, damaged files, images of different sizes, more than 16 GiB of pixels.
DataSet read_image_folder(const std::string& path, const PictureSize& size, const Subset& subset);

/// Images 0 .. count-1 of a folder, decoded on all processors.
DataSet decoded(const PictureFolder& folder, int count);

}  // namespace stuckat
