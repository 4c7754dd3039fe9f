// ONNX files: QONNX, FINN's, with QuantizeLinear or RequantShift. One reader for all: a file may
// mix them. Inside workloads/import only.
#pragma once

#include "workloads/import/import.h"

namespace stuckat::importing {

Imported import_onnx(const std::string& path, const ImportOptions& options);

}  // namespace stuckat::importing
