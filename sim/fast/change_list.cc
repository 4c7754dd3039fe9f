#include "sim/fast/change_list.h"

namespace stuckat::fast {

void ChangeList::reserve(const PackedLayer& layer, const TensorLayout& input) {
  const size_t elements = static_cast<size_t>(input.shape.size()) * input.planes;
  up.resize(elements + 1);  // the list that does not grow is written one past its end
  down.resize(elements + 1);
  segments.resize(2 * static_cast<size_t>(layer.kernel_height));
  const size_t begins =
      static_cast<size_t>(layer.padded_height()) * (static_cast<size_t>(layer.padded_width()) + 1);
  up_begin.resize(begins);
  down_begin.resize(begins);
}

}  // namespace stuckat::fast
