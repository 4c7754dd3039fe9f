// Networks that others trained, as integers: which formats are known, and what a file became.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

/// What an importer needs to know beyond the file.
struct ImportOptions {
  std::string name = {};     ///< of the network; empty: the file's without its ending
  std::string network = {};  ///< architecture of the zoo, for formats that do not say it (bnn-pynq)
  /// What a pixel byte p means to the network; pixel_maps() lists them.
  std::string pixels = "auto";
  /// Subtracted from, and dividing, what `pixels` makes: one value, or one for each channel.
  std::vector<double> mean = {};
  std::vector<double> deviation = {};
  /// NAME[:PATH] of the data set that it is for (dataset.h, set_data()); empty: nothing is said.
  std::string data = {};
  /// In the order of the result; empty: those of the file or of the data set, if they have any.
  std::vector<std::string> class_names = {};
};

/// One node of the file and what it became.
struct ImportedNode {
  std::string name;
  std::string operation;
  std::string
      became;  ///< "layer3: convolution 3x3, 16 channels", "part of layer3", "left out: ..."
};

/// PE, SIMD and FIFO depths that a node of a compiled file has (FINN), with its layer.
struct ImportedFolding {
  std::string node;   ///< FINN's name: "MVAU_hls_0"
  std::string layer;  ///< ours, "" where the node is no layer
  int tensor = -1;    ///< that its layer makes, while the import runs
  std::vector<std::pair<std::string, std::vector<int64_t>>> values;  ///< "PE": {4}
};

struct Imported {
  Network network;
  std::string format;  ///< of the row that read it
  std::vector<ImportedNode> nodes;
  std::vector<std::string> notes;  ///< what a user should know, one line each
  std::vector<ImportedFolding> folding;
};

/// One format.
struct ImporterRow {
  const char* name;  ///< as --as takes it: "tflite"
  const char* help;
  /// Whether `path` is of this format: by what it holds, not by its name.
  bool (*recognises)(const std::string& path);
  /// Throws InputError(path, the node and why it cannot be taken, what to do).
  Imported (*read)(const std::string& path, const ImportOptions& options);
};

const std::vector<ImporterRow>& importers();

/// Reads `path` by the row called `as`, or, if that is empty, by the first that recognises it. The
/// network computes exactly what the file says, integer for integer, or is refused.
Imported import_network(const std::string& path, const std::string& as,
                        const ImportOptions& options);

/// Name and meaning of each ImportOptions::pixels.
const std::vector<std::pair<std::string, std::string>>& pixel_maps();

}  // namespace stuckat
