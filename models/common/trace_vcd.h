// A trace (trace_writer.h) as a value change dump, IEEE 1364 clause 18, for wave viewers. A cycle
// is a microsecond here too.
#pragma once

#include <iosfwd>
#include <string>

namespace stuckat {

/// For each row of slices and each kind of them a bit that is 1 while there is one; of slices with a
/// number, "image 3", the number "image" instead; for each FIFO the words in it.
void write_vcd(const std::string& trace, std::ostream& out);

}  // namespace stuckat
