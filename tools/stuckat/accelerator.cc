#include "tools/stuckat/accelerator.h"

namespace stuckat::cli {
namespace {

Families& known_families() {
  static Families known = built_in_families();
  return known;
}

}  // namespace

const Families& families() { return known_families(); }

void use_families(Families families) { known_families() = std::move(families); }

AcceleratorPtr parse_accelerator(const std::string& name, const Network& network) {
  return families().parse(name, network, "--accelerator");
}

std::string accelerator_help() { return families().help(); }

}  // namespace stuckat::cli
