// Small ONNX files that the reader is tested with.
#pragma once

#include <fstream>
#include <string>

#include "workloads/export/onnx_writer.h"

namespace stuckat::test {

class OnnxWriter : public stuckat::OnnxWriter {
 public:
  void write(const std::string& path) const {
    const std::string all = bytes();
    std::ofstream(path, std::ios::binary)
        .write(all.data(), static_cast<std::streamsize>(all.size()));
  }
};

}  // namespace stuckat::test
