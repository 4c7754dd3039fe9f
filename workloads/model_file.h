// Networks in HDF5 files; the schema is workloads/FORMAT.md.
#pragma once

#include <string>

#include "workloads/network.h"

namespace stuckat {

/// Where a model came from; free text, stored and shown.
struct ModelOrigin {
  std::string tool_version;
  std::string configuration;  ///< resolved configuration as JSON text, may be empty
};

/// Writes to a temporary name and renames. Throws InputError if the file cannot be written.
void write_model(const std::string& path, const Network& network, const ModelOrigin& origin = {});

/// Checks every dimension and range (validate() included). Throws InputError(path, name, value).
Network read_model(const std::string& path, ModelOrigin* origin = nullptr);

/// SHA-256 or comparable, over every field that changes what the network computes: hex text.
/// Two networks with the same hash compute the same.
std::string content_hash(const Network& network);

}  // namespace stuckat
