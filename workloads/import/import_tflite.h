// TFLite int8 files. Inside workloads/import only.
#pragma once

#include "workloads/import/import.h"

namespace stuckat::importing {

bool is_tflite(const std::string& path);
Imported import_tflite(const std::string& path, const ImportOptions& options);

}  // namespace stuckat::importing
