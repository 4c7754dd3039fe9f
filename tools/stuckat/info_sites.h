// `stuckat info sites`: every kind of fault site, from the table.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/site_index.h"
#include "tools/stuckat/commands.h"

namespace stuckat::cli {

int info_sites(const Arguments&);

/// "PART/pe[pe]/accumulator[bit]=0|1": how a fault of the row is written.
std::string written(const SiteRow& row);

/// "pe 0 to 31, bit 0 to 10": the coordinates of a kind at a part.
/// "pe 0 to PE - 1, lane 0 to SIMD - 1": as functions of the accelerator.
std::string formulas(const SiteRow& row);
/// What `=flip@CYCLE` means there.
std::string transient_text(const SiteRow& row);
std::string ranges(const SiteSpace& space);

/// Where the sites of a family are.
struct SitePicture {
  std::string file;  ///< "sites-dataflow.svg"
  std::string title;
  std::string svg;
};
std::vector<SitePicture> site_pictures();
/// docs/faults.md: all rows with their ranges and an example on the accelerators that the families
/// name for it. The pictures stand beside it.
std::string fault_page(const std::vector<SitePicture>& pictures);

}  // namespace stuckat::cli
