// Broken sites of a chip as a set of bits, and how much of an accelerator they take.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stuckat::grouping {

/// A subset of the sites 0 .. sites()-1, such as the PEs of an array, row by row.
class SiteSet {
 public:
  SiteSet() = default;
  explicit SiteSet(int64_t sites);
  /// Throws InputError for a member out of range.
  SiteSet(int64_t sites, std::span<const int64_t> members);

  int64_t sites() const { return sites_; }
  void insert(int64_t site) { words_[word(site)] |= bit(site); }
  bool contains(int64_t site) const { return (words_[word(site)] & bit(site)) != 0; }
  int64_t count() const;
  bool empty() const { return count() == 0; }
  /// Ascending.
  std::vector<int32_t> members() const;
  /// 64 sites each, the lowest bit first; bits beyond the last site are 0.
  std::span<const uint64_t> words() const { return words_; }

  /// Union. Both sets are of the same sites, here and below.
  SiteSet& operator|=(const SiteSet& other);
  int64_t common(const SiteSet& other) const;
  bool includes(const SiteSet& other) const { return common(other) == other.count(); }

  bool operator==(const SiteSet&) const = default;

 private:
  static size_t word(int64_t site) { return static_cast<size_t>(site) / 64; }
  static uint64_t bit(int64_t site) { return uint64_t{1} << (static_cast<uint64_t>(site) % 64); }

  int64_t sites_ = 0;
  std::vector<uint64_t> words_;
};

/// The union of the chips of a group.
SiteSet fused(std::span<const SiteSet> chips, std::span<const int> group);

/// How much each site counts: 1 for a rate of sites; the weights of a network, or of one layer of
/// it, that are computed there, for a share of weights (folding makes that differ from the former).
struct Measure {
  std::string name;               ///< "sites", "conv1"
  std::vector<int32_t> per_site;  ///< 0 or more; empty: 1 each
  int64_t total = 0;              ///< of all sites, 1 .. 2^31-1

  static Measure of_sites(int64_t sites) { return {"sites", {}, sites}; }
  /// Throws InputError unless `per_site` adds up to such a total.
  static Measure of_weights(std::string name, std::vector<int32_t> per_site);

  int32_t of(int64_t site) const {
    return per_site.empty() ? 1 : per_site[static_cast<size_t>(site)];
  }
  /// What all members come to.
  int64_t amount(const SiteSet& set) const;
  /// The same as a share of the total, 0 .. 1.
  double rate(const SiteSet& set) const {
    return static_cast<double>(amount(set)) / static_cast<double>(total);
  }
};

}  // namespace stuckat::grouping
