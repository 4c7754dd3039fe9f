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

struct File {
  std::string path;
  uint16_t label = 0;
};

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
      files.push_back({(folder / classes[c] / names[c][i]).string(), static_cast<uint16_t>(c)});
    }
  }
  return files;
}

Picture read_sized(const std::string& path, const PictureSize& size) {
  Picture picture = read_picture(path);
  return size.shorter == 0 ? picture : resized(picture, size.shorter, size.crop);
}

}  // namespace

DataSet read_image_folder(const std::string& path, const PictureSize& size, const Subset& subset) {
  constexpr size_t most_classes = 4096;
  constexpr size_t most_bytes = size_t{16} << 30;
  const fs::path folder = half_folder(path, subset.train);
  DataSet data;
  data.class_names = entries(folder, true);
  if (data.class_names.empty() || data.class_names.size() > most_classes) {
    throw InputError(folder.string(), std::to_string(data.class_names.size()) + " folders",
                     "one for each class, at most 4096");
  }
  data.classes = static_cast<int>(data.class_names.size());
  std::vector<File> files = files_of(folder, data.class_names);
  const ImageRange range = range_of(subset, files.size(), folder.string());
  files = {files.begin() + static_cast<std::ptrdiff_t>(range.first),
           files.begin() + static_cast<std::ptrdiff_t>(range.first + range.count)};
  const Picture first = read_sized(files.front().path, size);
  data.shape = {first.height, first.width, 3};
  if (first.pixels.size() * files.size() > most_bytes) {
    throw InputError(folder.string(),
                     std::to_string(files.size()) + " images of " +
                         std::to_string(first.pixels.size()) + " bytes",
                     "at most 16 GiB in all: fewer images, or smaller ones");
  }
  data.pixels.resize(first.pixels.size() * files.size());
  for (const File& file : files) data.labels.push_back(file.label);

  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  size_t failed = files.size();  // of several failures the first file's is told, whoever met it
  const auto work = [&] {
    for (size_t i = next++; i < files.size(); i = next++) {
      try {
        const Picture picture = read_sized(files[i].path, size);
        if (picture.height != first.height || picture.width != first.width) {
          throw InputError(
              files[i].path,
              std::to_string(picture.height) + "x" + std::to_string(picture.width) + " pixels",
              std::to_string(first.height) + "x" + std::to_string(first.width) +
                  " as the first, or a size to bring all to (images@SIDE:PATH)");
        }
        std::copy(picture.pixels.begin(), picture.pixels.end(),
                  data.pixels.begin() + static_cast<std::ptrdiff_t>(i * first.pixels.size()));
      } catch (const InputError&) {
        const std::lock_guard lock(mutex);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
        next = files.size();
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

}  // namespace stuckat
