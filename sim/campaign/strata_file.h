// What result files and fault lists share. Inside sim/campaign only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "workloads/hdf5_file.h"

namespace stuckat::campaign {

void write_strata(Hdf5File& file, const std::vector<Stratum>& strata);
std::vector<Stratum> read_strata(const Hdf5File& file);

void write_sampling(Hdf5File& file, const std::optional<Sampling>& sampling);
std::optional<Sampling> read_sampling(const Hdf5File& file);

/// Strata cover 0 .. faults-1 in order, none empty, none greater than its population, layers
/// within 0 .. layers-1 or -1; without sampling all are complete. Throws InputError(where, ...).
void check_strata(const std::vector<Stratum>& strata, const std::optional<Sampling>& sampling,
                  int64_t faults, int layers, const std::string& where);

}  // namespace stuckat::campaign
