// Two site kinds and a part kind that the house does not know: a row and its arithmetic each.
#pragma once

#include "faultmaps/lowering.h"
#include "faultmaps/parts.h"
#include "faultmaps/sites.h"

namespace stuckat::test {

/// Every PE has an inverter after its output code; stuck on (1), all bits of the code are inverted.
inline SiteKind inverter_kind() {
  static const SiteKind kind =
      register_site({{},
                     "toy/inverter",
                     PartKind::pe_array,
                     "pe[]/inverter",
                     {{"pe",
                       [](const Placement& p, int part, const Network&) {
                         return p.arrays[static_cast<size_t>(part)].pe;
                       },
                       "PE"}},
                     ValueKind::bit,
                     "control of the inverter after the output code: 1 inverts all its bits",
                     "its channels give the opposite code",
                     "stuck at 0; or a layer that passes its accumulator out",
                     "docs/hardware.md, MVTU",
                     Transient::none,
                     [](Lowering& lowering, const Fault& fault, int part) {
                       const PeArray& array =
                           lowering.placement().arrays[static_cast<size_t>(part)];
                       for (const ArrayUse& use : array.uses) {
                         const Layer& layer = lowering.layer(use.layer);
                         const ArrayMap map(array, use, layer);
                         const int pe = fault.coordinates[0];
                         if (fault.value == 0 || layer.accumulator_output || !map.computes(pe))
                           continue;
                         ElementFault inverted;
                         inverted.tensor = Network::output_tensor(use.layer);
                         inverted.channels = map.rows(pe);
                         inverted.pixels = map.pixels(pe);
                         inverted.point = point_pe_dead;
                         inverted.mask.flip = (1u << layer.output_format.bits) - 1;
                         lowering.effects().elements.push_back(std::move(inverted));
                       }
                     },
                     nullptr});
  return kind;
}

/// A part of its own: registers that hold the first figures[0] channels of a layer's output.
inline PartKind register_bank_kind() {
  static const PartKind kind =
      register_part_kind("register bank", [](const Placement& p, int part, const Network& n) {
        return levels_of(level_format(n, other_part(register_bank_kind(), p, part).layer));
      });
  return kind;
}

inline SiteKind register_kind() {
  static const SiteKind kind = register_site(
      {{},
       "toy/register",
       register_bank_kind(),
       "register[]/dead",
       {{"register",
         [](const Placement& p, int part, const Network&) {
           return other_part(register_bank_kind(), p, part).figures[0];
         },
         "channels that have one"}},
       ValueKind::level,
       "the register of a channel gives one level",
       "its channel is stuck at the level, in every pixel",
       "the channel has that level",
       "docs/hardware.md, Streams",
       Transient::none,
       [](Lowering& lowering, const Fault& fault, int part) {
         const int layer = other_part(register_bank_kind(), lowering.placement(), part).layer;
         ElementFault dead;
         dead.tensor = Network::output_tensor(layer);
         dead.channels = {fault.coordinates[0]};
         dead.point = point_stream;
         dead.mask = CodeMask::constant(lowering.network().format(dead.tensor).code(fault.value));
         lowering.effects().elements.push_back(std::move(dead));
       },
       nullptr});
  return kind;
}

}  // namespace stuckat::test
