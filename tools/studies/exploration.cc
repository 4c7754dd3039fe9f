#include "tools/studies/exploration.h"

#include <algorithm>
#include <iterator>

namespace stuckat::studies {

Sweep::Sweep(const Families& families, const explore::SweepValues& values, const Network& network)
    : families_(families) {
  for (const Family& family : families.rows()) {
    members_.push_back({&family, family.explorer(values, network)});
  }
}

Sweep::Member& Sweep::member_of(const Accelerator& accelerator) {
  const Family& family = families_.of(accelerator.name(), "accelerator");
  return *std::find_if(members_.begin(), members_.end(),
                       [&](const Member& member) { return member.family == &family; });
}

void Sweep::add(const AcceleratorPtr& accelerator) {
  ++member_of(*accelerator).added;
  accelerators_.push_back(accelerator);
}

int64_t Sweep::size() const {
  int64_t all = 0;
  for (const Member& member : members_) all += member.explorer->seeds() + member.added;
  return all;
}

int64_t Sweep::size(const std::string& prefix) const {
  int64_t all = 0;
  for (const Member& member : members_) {
    if (member.family->prefix == prefix) all += member.explorer->seeds() + member.added;
  }
  return all;
}

std::vector<explore::DesignPoint> Sweep::explore(explore::Findings& findings,
                                                 const std::function<void(double)>& progress) {
  std::vector<explore::DesignPoint> points;
  const auto all = static_cast<double>(size());
  double done = 0;
  const auto take = [&](std::vector<explore::DesignPoint> some) {
    std::move(some.begin(), some.end(), std::back_inserter(points));
    progress(++done / all);
  };
  for (const Member& member : members_) {
    for (int64_t i = 0; i < member.explorer->seeds(); ++i)
      take(member.explorer->from_seed(i, findings));
  }
  for (const AcceleratorPtr& a : accelerators_) take(member_of(*a).explorer->from(a, findings));
  return points;
}

explore::TimingCounts Sweep::timings() const {
  explore::TimingCounts sum;
  for (const Member& member : members_) {
    const explore::TimingCounts counts = member.explorer->timings();
    sum.simulated += counts.simulated;
    sum.in_part += counts.in_part;
    sum.taken_over += counts.taken_over;
  }
  return sum;
}

}  // namespace stuckat::studies
