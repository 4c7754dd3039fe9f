#include "faultmaps/draws.h"

#include <cmath>
#include <numbers>

namespace stuckat {
namespace {

uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

int64_t Draws::below(int64_t count) {
  const auto n = static_cast<uint64_t>(count);
  const uint64_t excess = (0 - n) % n;  // 2^64 mod n
  uint64_t draw = random_();
  while (draw < excess) draw = random_();
  return static_cast<int64_t>(draw % n);
}

int64_t Draws::poisson(double mean) {
  int64_t events = 0;
  for (double time = -std::log(uniform()); time < mean; time -= std::log(uniform())) ++events;
  return events;
}

double Draws::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double Draws::gamma(double shape) {
  if (shape < 1) {
    const double boost = std::pow(uniform(), 1 / shape);
    return gamma(shape + 1) * boost;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = normal();
    const double v = (1 + c * x) * (1 + c * x) * (1 + c * x);
    if (v > 0 && std::log(uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

double Draws::gap(double p) {
  return p >= 1 ? 0 : std::floor(std::log(uniform()) / std::log1p(-p));
}

uint64_t chip_seed(uint64_t seed, int64_t chip) {
  return mixed(mixed(seed) + static_cast<uint64_t>(chip));
}

}  // namespace stuckat
