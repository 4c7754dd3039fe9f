#include "sim/fast/change_list.h"

#include <algorithm>

namespace stuckat::fast {

void ChangedWords::reserve(const PackedLayer& layer, const TensorLayout& input) {
  list.resize(std::max(list.size(), input.total_words() + 1));
  row_changes.resize(std::max(row_changes.size(), static_cast<size_t>(layer.input.height)));
}

void ChangeList::reserve(const PackedLayer& layer, const TensorLayout& input) {
  // Entries are written some past the end of a list; merging copies vectors.
  constexpr size_t slack = 16;
  const size_t size = static_cast<size_t>(input.shape.size()) * input.planes + slack;
  for (auto* entries : {&up, &down, &merged_up.entries, &merged_down.entries}) {
    entries->resize(size);
  }
  for (auto* begin : {&merged_up.begin, &merged_down.begin}) {
    begin->resize(static_cast<size_t>(layer.padded_width()) + 1);
  }
  const size_t begins =
      static_cast<size_t>(layer.padded_height()) * (static_cast<size_t>(layer.padded_width()) + 1);
  up_begin.resize(begins);
  down_begin.resize(begins);
}

}  // namespace stuckat::fast
