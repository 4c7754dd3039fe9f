// The forms that an effect can have, one row each: counters that tests met all of them.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat::test {

struct EffectForm {
  std::string name;
  std::function<bool(const Effects&)> has;
};

/// A form that some fault of one list has.
template <typename Fault, typename Has>
EffectForm form_of(std::string name, std::vector<Fault> Effects::*list, Has has) {
  return {std::move(name), [list, has](const Effects& effects) {
            return std::any_of((effects.*list).begin(), (effects.*list).end(), has);
          }};
}

inline const std::vector<EffectForm>& effect_forms() {
  using E = Effects;
  static const std::vector<EffectForm> rows = {
      form_of("weight patched", &E::patches, [](auto& f) { return !f.is_threshold; }),
      form_of("threshold patched", &E::patches, [](auto& f) { return f.is_threshold; }),
      form_of("operator at some pixels", &E::operators, [](auto& f) { return !f.pixels.empty(); }),
      form_of("operator in some images", &E::operators, [](auto& f) { return !f.images.is_all(); }),
      form_of("accumulator stuck", &E::operators,
              [](auto& f) { return !f.pe.accumulator.is_identity(); }),
      form_of("input lane stuck", &E::operators, [](auto& f) { return !f.pe.inputs.empty(); }),
      form_of("product stuck", &E::operators, [](auto& f) { return !f.pe.products.empty(); }),
      form_of("padded weight", &E::operators, [](auto& f) { return !f.pe.padded_weights.empty(); }),
      form_of("comparator stuck", &E::operators, [](auto& f) { return !f.pe.comparators.empty(); }),
      form_of("weight flip", &E::operators, [](auto& f) { return !f.pe.weight_flips.empty(); }),
      form_of("accumulator flip", &E::operators,
              [](auto& f) { return !f.pe.accumulator_flips.empty(); }),
      form_of("input flip", &E::operators, [](auto& f) { return !f.pe.input_flips.empty(); }),
      form_of("product flip", &E::operators, [](auto& f) { return !f.pe.product_flips.empty(); }),
      form_of("threshold flip", &E::operators,
              [](auto& f) { return !f.pe.threshold_flips.empty(); }),
      form_of("comparator flip", &E::operators,
              [](auto& f) { return !f.pe.comparator_flips.empty(); }),
      form_of("element of the input", &E::elements, [](auto& f) { return f.tensor == 0; }),
      form_of("element in a slot", &E::elements, [](auto& f) { return f.slot.depth > 0; }),
      form_of("element in a packed slot", &E::elements, [](auto& f) { return f.slot.packed; }),
      form_of("element in some images", &E::elements, [](auto& f) { return !f.images.is_all(); }),
      form_of("element flipped", &E::elements, [](auto& f) { return f.mask.flip != 0; }),
      form_of("operand", &E::operands, [](auto& f) { return f.slot.depth == 0; }),
      form_of("operand in a slot", &E::operands, [](auto& f) { return f.slot.depth > 0; }),
      form_of("operand in a slot within a frame", &E::operands,
              [](auto& f) { return f.slot.frame > 0; }),
      form_of("operand in some images", &E::operands, [](auto& f) { return !f.images.is_all(); }),
      form_of("window", &E::windows, [](auto& f) { return f.rows.empty(); }),
      form_of("window of some rows", &E::windows, [](auto& f) { return !f.rows.empty(); }),
      form_of("window in a slot", &E::windows, [](auto& f) { return f.slot.depth > 0; }),
      form_of("window in some images", &E::windows, [](auto& f) { return !f.images.is_all(); }),
      form_of("pool cell stuck", &E::pools, [](auto& f) { return !f.pool.cell.is_identity(); }),
      form_of("pool comparator stuck", &E::pools,
              [](auto& f) { return f.pool.comparator != BrokenPool::Comparator::healthy; }),
      form_of("pool cell flip", &E::pools,
              [](auto& f) { return !f.pool.flips.empty() && f.pool.flips[0].bits != 0; }),
      form_of("pool comparator flip", &E::pools,
              [](auto& f) { return !f.pool.flips.empty() && f.pool.flips[0].bits == 0; }),
      form_of("pool in some images", &E::pools, [](auto& f) { return !f.images.is_all(); }),
      {"operator and window of one layer",
       [](const Effects& e) {
         return !e.operators.empty() && !e.windows.empty() &&
                e.operators[0].layer == e.windows[0].layer;
       }},
  };
  return rows;
}

/// How many of the effects have each form.
inline std::map<std::string, int> count_forms(const std::vector<Effects>& effects) {
  std::map<std::string, int> counts;
  for (const EffectForm& form : effect_forms()) {
    counts[form.name] = static_cast<int>(std::count_if(effects.begin(), effects.end(), form.has));
  }
  return counts;
}

}  // namespace stuckat::test
