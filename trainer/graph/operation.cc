#include "trainer/graph/operation.h"

#include <algorithm>

#include "workloads/errors.h"

namespace stuckat::trainer {

std::unique_ptr<Operation> make_operation(const Layer& layer) {
  static const OperationRow rows[] = {
      {LayerKind::convolution, make_window_operation},
      {LayerKind::dense, make_window_operation},
      {LayerKind::max_pool, make_max_pool},
      {LayerKind::average_pool, make_average_pool},
      {LayerKind::add, make_add},
      {LayerKind::concat, make_concat},
  };
  for (const OperationRow& row : rows) {
    if (row.kind == layer.kind) return row.make(layer);
  }
  throw InputError(layer.name, std::string("the kind ") + layer.kind->name,
                   "a kind of layers that the trainer has");
}

}  // namespace stuckat::trainer
