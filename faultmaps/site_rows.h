// Rows of the site table, part by part. Inside faultmaps only: sites.cc puts them together.
#pragma once

#include <vector>

#include "faultmaps/sites.h"

namespace stuckat::site_rows {

std::vector<SiteRow> of_pes();
std::vector<SiteRow> of_streams();
std::vector<SiteRow> of_windows();
std::vector<SiteRow> of_pools();
std::vector<SiteRow> of_broadcast_memories();
std::vector<SiteRow> of_activation_memories();
std::vector<SiteRow> of_rtl_buffers();
std::vector<SiteRow> of_sums();

}  // namespace stuckat::site_rows
