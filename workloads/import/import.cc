#include "workloads/import/import.h"

#include <filesystem>

#include "workloads/bnn_pynq.h"
#include "workloads/dataset.h"
#include "workloads/errors.h"
#include "workloads/import/import_onnx.h"
#include "workloads/import/import_tflite.h"
#include "workloads/import/onnx_file.h"

namespace stuckat {
namespace {

bool is_bnn_pynq(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(std::filesystem::path(path) / "classes.txt", error);
}

Imported read_bnn_pynq(const std::string& path, const ImportOptions& options) {
  Imported imported;
  imported.network = import_bnn_pynq(path, options.network);
  if (!options.name.empty()) imported.network.name = options.name;
  return imported;
}

/// What the classes are called, and whose images they are of.
void describe(Network& network, const std::string& path, const ImportOptions& options) {
  const auto classes = static_cast<size_t>(network.classes());
  if (!options.class_names.empty()) {
    if (options.class_names.size() != classes) {
      throw InputError(path, std::to_string(options.class_names.size()) + " names of classes",
                       std::to_string(classes));
    }
    network.class_names = options.class_names;
  }
  if (!options.data.empty()) set_data(network, options.data);
}

}  // namespace

const std::vector<ImporterRow>& importers() {
  static const std::vector<ImporterRow> rows = {
      {"tflite", "TFLite int8 (.tflite), values of TFLite Micro's reference kernels",
       importing::is_tflite, importing::import_tflite},
      {"onnx",
       "ONNX: QONNX, FINN's (streamlined, or with its hardware nodes), with QuantizeLinear or "
       "QLinearConv, or with RequantShift",
       importing::is_onnx, importing::import_onnx},
      {"bnn-pynq",
       "a parameter folder of Xilinx BNN-PYNQ (N-M-weights.bin, N-M-thres.bin, "
       "classes.txt); its architecture by --network",
       is_bnn_pynq, read_bnn_pynq},
  };
  return rows;
}

Imported import_network(const std::string& path, const std::string& as,
                        const ImportOptions& options) {
  std::vector<std::string> known;
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    throw InputError(path, "no such file or folder", "one");
  for (const ImporterRow& row : importers()) {
    known.emplace_back(row.name);
    if (as.empty() ? !row.recognises(path) : as != row.name) continue;
    Imported imported = row.read(path, options);
    imported.format = row.name;
    describe(imported.network, path, options);
    return imported;
  }
  if (!as.empty()) throw_unknown_name("--as", "format", as, known);
  std::string list;
  for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
  throw InputError(path, "is of no known format", list);
}

}  // namespace stuckat
