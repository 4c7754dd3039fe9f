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

/// Writes to a temporary name and renames. Throws InputError if the network is not valid or the
/// file cannot be written; what had that name before is then left as it was.
void write_model(const std::string& path, const Network& network, const ModelOrigin& origin = {});

/// Checks every dimension and range (validate() included) and the content hash. Throws
/// InputError(path, name, value).
Network read_model(const std::string& path, ModelOrigin* origin = nullptr);

/// SHA-256 as hex text over every field that changes what the network computes, not over names
/// (FORMAT.md, "The content hash"). Two networks with the same hash compute the same.
std::string content_hash(const Network& network);

}  // namespace stuckat
