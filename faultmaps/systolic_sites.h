// Sites of systolic arrays (docs/systolic.md): kinds of their own, registered when they are asked
// for first.
#pragma once

#include "faultmaps/fault_map.h"
#include "faultmaps/parts.h"
#include "faultmaps/placement.h"
#include "faultmaps/sites.h"
#include "faultmaps/systolic_array.h"

namespace stuckat {

struct SystolicKinds {
  PartKind part;
  SiteKind a;            ///< bit of the register that an operand moves right in
  SiteKind b;            ///< bit of the partial sum, or of the operand that moves down
  SiteKind d;            ///< bit of the load chain, or of the drain chain
  SiteKind w0;           ///< bit of the first weight register, or accumulator
  SiteKind w1;           ///< bit of the second one
  SiteKind product;      ///< bit of the product, a wire
  SiteKind valid;        ///< the bit that lets a sum count
  SiteKind propagate;    ///< the bit that says which of w0 and w1 works
  SiteKind accumulator;  ///< bit of the memory below a column
  SiteKind bypass;       ///< the PE is bypassed
  SiteKind dead;         ///< the PE gives one level
};

/// Before the first placement is made, by one thread: registers them at the first call.
const SystolicKinds& systolic_kinds();

/// An array as a part of a placement, and back.
OtherPart systolic_part(const SystolicArray& array);
SystolicArray systolic_array_of(const OtherPart& part);

/// A fault of the PE at a row and column; `more`: the coordinate after them.
Fault systolic_fault(SiteKind kind, const SystolicArray& array, int row, int column, int more,
                     int value);

/// The chip whose PEs of a set are bypassed (FAP).
FaultMap bypass_map(const Placement& placement, const PeSet& bypassed);

}  // namespace stuckat
