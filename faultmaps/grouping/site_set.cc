#include "faultmaps/grouping/site_set.h"

#include <bit>
#include <numeric>

#include "workloads/errors.h"

namespace stuckat::grouping {

SiteSet::SiteSet(int64_t sites) : sites_(sites), words_((static_cast<size_t>(sites) + 63) / 64) {}

SiteSet::SiteSet(int64_t sites, std::span<const int64_t> members) : SiteSet(sites) {
  for (const int64_t site : members) {
    if (site < 0 || site >= sites) {
      throw InputError("set of sites", "site " + std::to_string(site),
                       "0 to " + std::to_string(sites - 1));
    }
    insert(site);
  }
}

int64_t SiteSet::count() const {
  int64_t count = 0;
  for (const uint64_t word : words_) count += std::popcount(word);
  return count;
}

std::vector<int32_t> SiteSet::members() const {
  std::vector<int32_t> members;
  for (size_t i = 0; i < words_.size(); ++i) {
    for (uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) {
      members.push_back(static_cast<int32_t>(64 * i) + std::countr_zero(rest));
    }
  }
  return members;
}

SiteSet& SiteSet::operator|=(const SiteSet& other) {
  for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  return *this;
}

int64_t SiteSet::common(const SiteSet& other) const {
  int64_t count = 0;
  for (size_t i = 0; i < words_.size(); ++i) count += std::popcount(words_[i] & other.words_[i]);
  return count;
}

SiteSet fused(std::span<const SiteSet> chips, std::span<const int> group) {
  SiteSet all(chips.empty() ? 0 : chips.front().sites());
  for (const int chip : group) all |= chips[static_cast<size_t>(chip)];
  return all;
}

Measure Measure::of_weights(std::string name, std::vector<int32_t> per_site) {
  int64_t total = 0;
  for (const int32_t weight : per_site) {
    if (weight < 0) {
      throw InputError(name, "a site that counts " + std::to_string(weight), "0 or more");
    }
    total += weight;
  }
  if (total < 1 || total > INT32_MAX) {
    throw InputError(name, "all sites count " + std::to_string(total), "1 to 2147483647");
  }
  return {std::move(name), std::move(per_site), total};
}

int64_t Measure::amount(const SiteSet& set) const {
  if (per_site.empty()) return set.count();
  int64_t amount = 0;
  for (const int32_t site : set.members()) amount += per_site[static_cast<size_t>(site)];
  return amount;
}

}  // namespace stuckat::grouping
