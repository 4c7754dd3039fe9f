// Effects in canonical form.
#pragma once

#include <vector>

#include "faultmaps/effects.h"

namespace stuckat {

/// Operators of which some select the same element, as ones that do not: where several meet, one PE
/// with all their faults.
std::vector<OperatorFault> disjoint(std::vector<OperatorFault> faults, const Network& network);

/// Canonical form: sorted by layer and tensor, then point; operators of the same rows and pixels
/// merged into one; element faults of the same selection and point merged; patches unique.
/// Equal sets of faults give equal Effects, whatever their order was.
void normalize(Effects& effects);

}  // namespace stuckat
