#include "workloads/image_folder.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

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

fs::path half_folder(const std::string& path, bool train) {
  for (const char* name : {"train", "test", "val"}) {
    const bool is_train = std::string(name) == "train";
    if (is_train == train && fs::is_directory(fs::path(path) / name)) return fs::path(path) / name;
  }
  throw InputError(path, train ? "no folder train" : "no folder test or val",
                   "folders train and test (or val), one folder for each class in them");
}

/// The first of every class, then the second of every class, ...
std::vector<File> files_of(const fs::path& folder, const std::vector<std::string>& classes) {
  std::vector<std::vector<std::string>> names;
  size_t most = 0;
  for (const std::string& name : classes) {
    names.push_back(entries(folder / name, false));
    most = std::max(most, names.back().size());
  }
  std::vector<File> files;
  for (size_t i = 0; i < most; ++i) {
    for (size_t c = 0; c < classes.size(); ++c) {
      if (i >= names[c].size()) continue;
      const fs::path name = fs::path(classes[c]) / names[c][i];
      files.push_back({(folder / name).string(), name.string(), static_cast<uint16_t>(c)});
    }
  }
  return files;
}

/// The classes of both halves: those of the training half, so that a label means the same in both.
std::vector<std::string> classes_of(const std::string& path, const fs::path& half) {
  const std::vector<std::string> found = entries(half, true);
  const fs::path train = fs::path(path) / "train";
  std::error_code error;
  if (half == train || !fs::is_directory(train, error)) return found;
  std::vector<std::string> trained = entries(train, true);
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
