#include "workloads/layer_kind.h"

#include "workloads/errors.h"

namespace stuckat {

const std::vector<LayerKind>& layer_kinds() {
  static const std::vector<LayerKind> kinds = {LayerKind::convolution, LayerKind::dense,
                                               LayerKind::max_pool,    LayerKind::average_pool,
                                               LayerKind::add,         LayerKind::concat};
  return kinds;
}

LayerKind parse_layer_kind(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const LayerKind kind : layer_kinds()) {
    if (kind->name == name) return kind;
    known.emplace_back(kind->name);
  }
  throw_unknown_name(where, "layer kind", name, known);
}

}  // namespace stuckat
