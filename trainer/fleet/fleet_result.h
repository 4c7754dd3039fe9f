// What came of a lot of chips: policy by policy, chip by chip. In HDF5 (trainer/fleet/FORMAT.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/grouping/resilience_curve.h"
#include "faultmaps/mitigation/protection.h"

namespace stuckat::trainer {

/// A network that was tried on some chips.
struct FleetGroup {
  std::string name;        ///< of its files; "deployed" for the network as it is
  std::vector<int> chips;  ///< ascending
  double rate = 0;         ///< of the union
  int64_t images = 0;      ///< that its retraining saw
  int parent = -1;         ///< group that missed the constraint and was split into this one
  std::string order = {};  ///< names the order of its channels; empty: as deployed
};

/// A policy on the whole lot.
struct FleetOutcome {
  std::string policy;
  std::string words;               ///< what it does
  std::vector<FleetGroup> groups;  ///< in the order in which they were tried
  // [chip], with the last network that was tried on it
  std::vector<int> group;
  std::vector<double> validation;  ///< accuracy, 0 .. 1
  std::vector<double> test;        ///< likewise; empty without test images
  std::vector<uint8_t> sold;       ///< it meets the constraint on validation images

  /// All retraining, of groups that missed the constraint as well.
  int64_t images() const;
  int64_t chips_sold() const;
  /// Retrained networks that a sold chip has, and the deployed one if a sold chip has that.
  int64_t networks() const;
  /// Orders of channels in which a sold chip has the deployed network.
  int64_t orders() const;
};

struct FleetResult {
  std::string configuration;   ///< all that decides the numbers, as JSON
  std::string network;         ///< name
  std::string accelerator;     ///< with what breaks
  std::string repair = {};     ///< of each chip before any policy, "spares 1, reschedule"; or none
  ProtectionCost spares = {};  ///< of a chip
  double constraint = 0;       ///< accuracy that a chip is sold with, on validation images
  double deployed_validation = 0;
  double deployed_test = -1;  ///< -1: no test images
  std::vector<double> rates;  ///< [chip], by the measure, behind spares
  std::vector<grouping::ResilienceCurve::Point> curve;
  int64_t resilience_images = 0;  ///< what the resilience map has cost
  std::vector<FleetOutcome> outcomes;
};

void write_fleet_result(const std::string& path, const FleetResult& result);
FleetResult read_fleet_result(const std::string& path);

}  // namespace stuckat::trainer
