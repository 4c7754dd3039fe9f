// Where the fault sites of an accelerator are: a block diagram with the sites of the table on it.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/sites.h"
#include "models/site_diagram.h"

namespace stuckat::report {

/// A picture that stands on its own (an .svg file), with the name of each row at the part that it
/// breaks; rows of a part that the diagram does not know stand in a box of their own.
std::string site_picture(const SiteDiagram& diagram, const std::vector<const SiteRow*>& rows);

}  // namespace stuckat::report
