// FINN's specialize_layers_config.json: which backend builds each node of a folding.
#pragma once

#include <string>

#include "models/dataflow/json_fields.h"

namespace stuckat::dataflow {

/// All that its nodes say is how they are built.
bool is_specialization(const Json& json);

/// A folding whose nodes are named and numbered as the file of backends has them ("MVAU_3"), which
/// says what names alone do not: where nodes of one operator have different backends, how they
/// follow each other. Throws InputError(where, ...) for nodes that the two know differently.
Json specialized(const Json& folding, const Json& backends, const std::string& where);

}  // namespace stuckat::dataflow
