// FINN's folding_config.json and final_hw_config.json: models/dataflow/FORMAT.md says what is
// taken.
#pragma once

#include <string>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/json_fields.h"

namespace stuckat::dataflow {

bool is_finn_folding(const Json& json);

/// Throws InputError for what does not fit the network.
DataflowAccelerator read_finn_folding(const Json& json, const std::string& where,
                                      const Network& network, const std::string& default_name);

}  // namespace stuckat::dataflow
