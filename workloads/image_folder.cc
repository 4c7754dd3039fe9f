#include "workloads/image_folder.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <mutex>
#include <sstream>
#include <thread>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/picture.h"

namespace stuckat {
namespace {

namespace fs = std::filesystem;

using File = PictureFolder::File;

std::vector<std::string> entries(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(".") || entry.is_directory(error) != folders) continue;
    std::string extension = entry.path().extension().string();
    for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool picture = extension == ".jpg" || extension == ".jpeg" || extension == ".png";
    if (folders || picture) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// Tiny-ImageNet's validation half is one folder, and a list of the classes beside it.
constexpr const char* list_of_classes = "val_annotations.txt";
constexpr const char* one_folder = "images";

bool has_list(const fs::path& half) {
  std::error_code error;
  return fs::is_regular_file(half / list_of_classes, error);
}

/// Pictures without classes, such as Tiny-ImageNet's test half.
bool unlabelled(const fs::path& half) {
  return !has_list(half) && entries(half, true) == std::vector<std::string>{one_folder};
}

fs::path half_folder(const std::string& path, bool train) {
  const fs::path root(path);
  const std::vector<fs::path> halves =
      train ? std::vector{root / "train"} : std::vector{root / "test", root / "val"};
  for (const bool labelled : {true, false}) {
    for (const fs::path& half : halves) {
      if (is_folder(half) && unlabelled(half) != labelled) return half;
    }
  }
  throw InputError(path, train ? "no folder train" : "no folder test or val",
                   "folders train and test (or val), one folder for each class in them");
}

/// Pictures of a class: those in its folder and in folders in it, in the order of their names.
std::vector<std::string> pictures_in(const fs::path& folder, int depth = 0) {
  constexpr int deepest = 8;
  std::vector<std::string> names = entries(folder, false);
  if (depth == deepest) return names;
  for (const std::string& inner : entries(folder, true)) {
    for (const std::string& name : pictures_in(folder / inner, depth + 1)) {
      names.push_back((fs::path(inner) / name).string());
    }
  }
  return names;
}

/// Pictures by class, of a half that has a list: "FILE<tab>CLASS<tab>..." on each line.
std::vector<std::vector<std::string>> listed_pictures(const fs::path& half,
                                                      const std::vector<std::string>& classes) {
  const std::string list = (half / list_of_classes).string();
  const auto bytes = read_plain_file(list);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::vector<std::vector<std::string>> names(classes.size());
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream fields(line);
    std::string file, name;
    fields >> file >> name;
    const auto found = std::lower_bound(classes.begin(), classes.end(), name);
    if (file.empty() || found == classes.end() || *found != name) {
      throw InputError(list + ": line " + std::to_string(number), "class '" + name + "'",
                       "a picture and one of the classes of the folder train");
    }
    names[static_cast<size_t>(found - classes.begin())].push_back(
        (fs::path(one_folder) / file).string());
  }
  return names;
}

/// The first of every class, then the second of every class, ...
std::vector<File> files_of(const fs::path& half, const std::vector<std::string>& classes) {
  std::vector<std::vector<std::string>> names;
  if (has_list(half)) {
    names = listed_pictures(half, classes);
  } else {
    for (const std::string& name : classes) {
      names.push_back(pictures_in(half / name));
      for (std::string& file : names.back()) file = (fs::path(name) / file).string();
    }
  }
  size_t most = 0;
  for (const auto& of_class : names) most = std::max(most, of_class.size());
  std::vector<File> files;
  for (size_t i = 0; i < most; ++i) {
    for (size_t c = 0; c < classes.size(); ++c) {
      if (i >= names[c].size()) continue;
      files.push_back({(half / names[c][i]).string(), names[c][i], static_cast<uint16_t>(c)});
    }
  }
  return files;
}

/// The classes of both halves: those of the training half, so that a label means the same in both.
std::vector<std::string> classes_of(const std::string& path, const fs::path& half) {
  const std::vector<std::string> found = entries(half, true);
  const fs::path train = fs::path(path) / "train";
  if (half == train || !is_folder(train)) return found;
  std::vector<std::string> trained = entries(train, true);
  if (has_list(half)) return trained;
  for (const std::string& name : found) {
    if (std::binary_search(trained.begin(), trained.end(), name)) continue;
    throw InputError((half / name).string(), "no class of that name in " + train.string(),
                     "the same folders in both halves");
  }
  return trained;
}

Picture read_sized(const std::string& path, const PictureSize& size) {
  Picture picture = read_picture(path);
  return size.shorter == 0 ? picture : resized(picture, size.shorter, size.crop);
}

}  // namespace

void PictureFolder::decode(int index, uint8_t* pixels) const {
  const std::string& path = files[static_cast<size_t>(index)].path;
  const Picture picture = read_sized(path, size);
  if (picture.height != shape.height || picture.width != shape.width) {
    throw InputError(
        path, std::to_string(picture.height) + "x" + std::to_string(picture.width) + " pixels",
        std::to_string(shape.height) + "x" + std::to_string(shape.width) +
            " as the first, or a size to bring all to (images@SIDE:PATH)");
  }
  std::copy(picture.pixels.begin(), picture.pixels.end(), pixels);
}

PictureFolder list_image_folder(const std::string& path, const PictureSize& size,
                                const Subset& subset) {
  constexpr size_t most_classes = 4096;
  const fs::path half = half_folder(path, subset.train);
  PictureFolder folder;
  folder.size = size;
  folder.class_names = classes_of(path, half);
  if (folder.class_names.empty() || folder.class_names.size() > most_classes) {
    throw InputError(half.string(), std::to_string(folder.class_names.size()) + " folders",
                     "one for each class, at most 4096");
  }
  const std::vector<File> files = files_of(half, folder.class_names);
  if (files.empty()) {
    throw InputError(half.string(), "holds no pictures in the folders of its classes",
                     "JPEG or PNG files (.jpg, .jpeg, .png)");
  }
  const ImageRange range = range_of(subset, files.size(), half.string());
  const auto begin = files.begin() + static_cast<std::ptrdiff_t>(range.first);
  folder.files.assign(begin, begin + static_cast<std::ptrdiff_t>(range.count));
  const Picture first = read_sized(folder.files.front().path, size);
  folder.shape = {first.height, first.width, 3};
  return folder;
}

DataSet decoded(const PictureFolder& folder, int count) {
  constexpr size_t most_bytes = size_t{16} << 30;
  const auto images = static_cast<size_t>(count);
  const auto bytes = static_cast<size_t>(folder.shape.size());
  if (bytes * images > most_bytes) {
    throw InputError(folder.files.front().path,
                     std::to_string(count) + " images of " + std::to_string(bytes) + " bytes",
                     "at most 16 GiB in all: fewer images, or smaller ones");
  }
  DataSet data;
  data.shape = folder.shape;
  data.class_names = folder.class_names;
  data.classes = static_cast<int>(folder.class_names.size());
  data.pixels.resize(bytes * images);
  for (size_t i = 0; i < images; ++i) data.labels.push_back(folder.files[i].label);

  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  size_t failed = images;  // of several failures the first file's is told, whoever met it
  const auto work = [&] {
    for (size_t i = next++; i < images; i = next++) {
      try {
        folder.decode(static_cast<int>(i), data.pixels.data() + i * bytes);
      } catch (const InputError&) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
        next = images;
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t) threads.emplace_back(work);
  work();
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return data;
}

DataSet read_image_folder(const std::string& path, const PictureSize& size, const Subset& subset) {
  const PictureFolder folder = list_image_folder(path, size, subset);
  return decoded(folder, static_cast<int>(folder.files.size()));
}

}  // namespace stuckat
