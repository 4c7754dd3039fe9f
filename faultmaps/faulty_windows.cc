#include "faultmaps/faulty_windows.h"

#include <algorithm>

#include "faultmaps/selection.h"

namespace stuckat {

bool WindowEdits::has_row(const WindowFault& fault, int row) { return contains(fault.rows, row); }

int WindowEdits::columns(const Layer& layer, int index, const std::vector<WindowFault>& faults) {
  int columns = layer.columns();
  for (const WindowFault& f : faults) {
    if (f.layer == index) columns = std::max(columns, f.padded_columns);
  }
  return columns;
}

WindowEdits::WindowEdits(const Layer& layer, int index, const std::vector<WindowFault>& faults,
                         int64_t image_index)
    : format_(layer.input_format) {
  std::vector<const WindowFault*> in_order;
  for (const WindowFault& f : faults) {
    if (f.layer != index || !f.images.contains(image_index)) continue;
    in_order.push_back(&f);
    accumulator_bits_ = f.accumulator_bits;
    by_row_ |= !f.rows.empty();
  }
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto* a, const auto* b) { return a->point < b->point; });
  for (const WindowFault* f : in_order) {
    const Shape windows{layer.output.height, layer.output.width,
                        std::max(f->padded_columns, layer.columns())};
    for_selected(f->pixels, f->columns, f->slot, windows, image_index, [&](int pixel, int column) {
      by_pixel_[pixel].push_back({f, column});
    });
  }
}

NumberFormat operand_format(const Layer& layer, int input) {
  return layer.tables.empty() ? layer.input_format
                              : layer.tables[static_cast<size_t>(input)].format;
}

bool has_operands(const std::vector<OperandFault>& faults, int index, int input) {
  return std::any_of(faults.begin(), faults.end(), [&](const OperandFault& fault) {
    return fault.layer == index && fault.input == input;
  });
}

namespace {

Tensor with_faults(const Layer& layer, int index, int of, const std::vector<OperandFault>& faults,
                   NumberFormat format, const Tensor& input, int64_t image_index) {
  const Padding& p = layer.padding;
  const Shape shape{p.top + input.shape.height + p.bottom, p.left + input.shape.width + p.right,
                    input.shape.channels};
  Tensor padded{shape,
                std::vector<int32_t>(static_cast<size_t>(shape.size()), format.padding_value())};
  for (int y = 0; y < input.shape.height; ++y) {
    for (int x = 0; x < input.shape.width; ++x) {
      for (int c = 0; c < shape.channels; ++c) {
        padded.at(y + p.top, x + p.left, c) = input.at(y, x, c);
      }
    }
  }
  std::vector<const OperandFault*> in_order;
  for (const OperandFault& fault : faults) {
    if (fault.layer == index && fault.input == of && fault.images.contains(image_index))
      in_order.push_back(&fault);
  }
  std::stable_sort(in_order.begin(), in_order.end(),
                   [](const auto* a, const auto* b) { return a->point < b->point; });
  for (const OperandFault* fault : in_order) {
    for_selected(fault->pixels, fault->channels, fault->slot, shape, image_index,
                 [&](int pixel, int channel) {
                   int32_t& value =
                       padded.values[static_cast<size_t>(pixel * shape.channels + channel)];
                   value = format.value(fault->mask.apply(format.code(value)));
                 });
  }
  return padded;
}

}  // namespace

Tensor padded_operands(const Layer& layer, int index, const std::vector<OperandFault>& faults,
                       const Tensor& input, int64_t image_index) {
  return with_faults(layer, index, 0, faults, layer.input_format, input, image_index);
}

Tensor held_operands(const Layer& layer, int index, int of, const std::vector<OperandFault>& faults,
                     const Tensor& input, int64_t image_index) {
  const Tensor padded =
      with_faults(layer, index, of, faults, operand_format(layer, of), input, image_index);
  Tensor held = input;
  for (int y = 0; y < input.shape.height; ++y) {
    for (int x = 0; x < input.shape.width; ++x) {
      for (int c = 0; c < input.shape.channels; ++c) {
        held.at(y, x, c) = padded.at(y + layer.padding.top, x + layer.padding.left, c);
      }
    }
  }
  return held;
}

}  // namespace stuckat
