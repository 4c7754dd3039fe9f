#include "faultmaps/describe_effects.h"

#include <algorithm>

#include "faultmaps/faulty_windows.h"

namespace stuckat {

namespace {

std::string images_text(const RunImages& images) {
  if (images.is_all()) return "";
  if (images.first == images.last) return " in image " + std::to_string(images.first);
  if (images.last == INT64_MAX) return " from image " + std::to_string(images.first) + " on";
  return " in images " + std::to_string(images.first) + " to " + std::to_string(images.last);
}

std::string slot_text(const SlotPattern& slot) {
  if (slot.depth == 0) return "";
  return " in words with running index mod " + std::to_string(slot.depth) + " = " +
         std::to_string(slot.slot);
}

std::string list(const char* singular, const char* plural, const std::vector<int>& numbers) {
  constexpr size_t shown = 12;
  std::string text = numbers.size() == 1 ? singular : plural;
  for (size_t i = 0; i < std::min(shown, numbers.size()); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(numbers[i]);
  }
  if (numbers.size() > shown) text += ", ... (" + std::to_string(numbers.size()) + ")";
  return text;
}

std::string tensor_name(const Network& network, int tensor) {
  return tensor == 0 ? "the input" : network.tensor_name(tensor);
}

/// "stuck at -1", "bit 2 stuck at 1", ...
std::string action(const CodeMask& mask, const NumberFormat* format) {
  const uint32_t all = format != nullptr ? (1u << format->bits) - 1 : ~0u;
  if ((mask.keep & all) == 0) {
    const uint32_t code = mask.apply(0) & all;
    const int value = format != nullptr ? format->value(code) : static_cast<int32_t>(code);
    return "stuck at " + std::to_string(value);
  }
  std::string text;
  for (int b = 0; b < 32; ++b) {
    const uint32_t bit = 1u << b;
    if ((all & bit) == 0) continue;
    std::string one;
    if ((mask.set & bit) != 0)
      one = "stuck at 1";
    else if ((mask.keep & bit) == 0)
      one = "stuck at 0";
    else if ((mask.flip & bit) != 0)
      one = "inverted";
    if (!one.empty()) text += (text.empty() ? "bit " : ", bit ") + std::to_string(b) + " " + one;
  }
  return text.empty() ? "unchanged" : text;
}

template <typename Add>
void describe_chain(const BrokenChain& chain, Add add) {
  const auto row = [](int lane) { return " in row " + std::to_string(lane); };
  const auto in_tile = [&](int tile, int lane) {
    return row(lane) + " of tile " + std::to_string(tile);
  };
  for (const auto& l : chain.weights) add("weight" + row(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& l : chain.sums) add("partial sum" + row(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& m : chain.weights_at) {
    add("weight" + in_tile(m.tile, m.lane) + " " + action(m.mask, nullptr));
  }
  for (const auto& m : chain.inputs_at) {
    add("input" + in_tile(m.tile, m.lane) + " " + action(m.mask, nullptr));
  }
  for (const auto& f : chain.sum_flips) {
    add("partial sum" + in_tile(f.tile, f.lane) + " with bits " + std::to_string(f.bits) +
        " inverted");
  }
  if (!chain.lost_tiles.empty()) add(list("tile", "tiles", chain.lost_tiles) + " lost");
  if (!chain.result.is_identity()) add("sum " + action(chain.result, nullptr) + " as it leaves");
}

std::string describe_pe(const BrokenPe& pe) {
  std::string text;
  auto add = [&](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  for (const auto& l : pe.inputs)
    add("input lane " + std::to_string(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& l : pe.products)
    add("product of lane " + std::to_string(l.lane) + " " + action(l.mask, nullptr));
  for (const auto& w : pe.padded_weights) {
    add("padded weight of column " + std::to_string(w.column) + " reads " +
        std::to_string(w.value));
  }
  if (!pe.accumulator.is_identity()) {
    add("accumulator " + action(pe.accumulator, nullptr) + " in every partial sum");
  }
  for (const auto& c : pe.comparators) {
    add("comparator " + std::to_string(c.index) + " stuck at " + (c.one ? "1" : "0"));
  }
  constexpr size_t shown = 12;
  for (size_t i = 0; i < std::min(shown, pe.weight_flips.size()); ++i) {
    const auto& w = pe.weight_flips[i];
    add("weight of column " + std::to_string(w.column) + " with bits " + std::to_string(w.bits) +
        " inverted");
  }
  if (pe.weight_flips.size() > shown) {
    add("... (" + std::to_string(pe.weight_flips.size()) + " weights)");
  }
  for (const auto& f : pe.accumulator_flips) {
    add("accumulator with bits " + std::to_string(f.bits) + " inverted before step " +
        std::to_string(f.step));
  }
  const auto in_step = [&](const char* what, const BrokenPe::LaneFlip& f) {
    add(std::string(what) + " lane " + std::to_string(f.lane) + " with bits " +
        std::to_string(f.bits) + " inverted in step " + std::to_string(f.step));
  };
  for (const auto& f : pe.input_flips) in_step("input", f);
  for (const auto& f : pe.product_flips) in_step("product of", f);
  for (const auto& f : pe.threshold_flips) {
    add("threshold " + std::to_string(f.index) + " with bits " + std::to_string(f.bits) +
        " inverted");
  }
  for (const int index : pe.comparator_flips) {
    add("comparator " + std::to_string(index) + " inverted");
  }
  if (!pe.side_register.is_identity()) {
    add("sum " + action(pe.side_register, nullptr) + " while it waits for the one before");
  }
  if (!pe.output_register.is_identity()) {
    add("sum " + action(pe.output_register, nullptr) + " when it leaves");
  }
  if (pe.chain.rows > 0) describe_chain(pe.chain, add);
  return text;
}

std::string describe_pool(const BrokenPool& pool, const Layer& layer) {
  std::string text;
  const bool sums = layer.kind->sums;
  const std::string held = layer.kind == LayerKind::add ? "sum"
                           : sums                       ? "running sum"
                                                        : "running maximum";
  if (pool.comparator != BrokenPool::Comparator::healthy) {
    const bool keeps = pool.comparator == BrokenPool::Comparator::keeps;
    text = std::string("of every window the ") + (keeps ? "first" : "last") + " pixel";
  }
  if (!pool.cell.is_identity()) {
    text += (text.empty() ? "" : "; ") +
            (held + " " + action(pool.cell, sums ? nullptr : &layer.input_format));
  }
  for (const auto& f : pool.flips) {
    text += text.empty() ? "" : "; ";
    text += f.bits == 0 ? std::string("comparison") : held + " with bits " + std::to_string(f.bits);
    text += " inverted";
    if (layer.kind != LayerKind::add)
      text += " after pixel " + std::to_string(f.taken) + " of the window";
  }
  return text;
}

std::string channels_at(const std::vector<int>& channels, const std::vector<int>& pixels) {
  const std::string text =
      channels.empty() ? "every channel" : list("channel", "channels", channels);
  return pixels.empty() ? text : text + " at " + list("pixel", "pixels", pixels);
}

const Layer& layer_at(const Network& network, int layer) {
  return network.layers[static_cast<size_t>(layer)];
}

std::string line_of(const ParameterPatch& p, const Network& network) {
  return std::string(p.is_threshold ? "threshold " : "weight of column ") +
         std::to_string(p.index) + " of channel " + std::to_string(p.row) + " of " +
         layer_at(network, p.layer).name + " reads " + std::to_string(p.value);
}

std::string line_of(const OperatorFault& o, const Network& network) {
  std::string line = list("channel", "channels", o.rows) + " of " + layer_at(network, o.layer).name;
  if (!o.pixels.empty()) line += " at " + list("pixel", "pixels", o.pixels);
  return line + images_text(o.images) + " computed by a broken PE: " + describe_pe(o.pe);
}

std::string line_of(const ElementFault& e, const Network& network) {
  std::string line;
  if (!e.channels.empty()) line = list("channel", "channels", e.channels);
  if (!e.pixels.empty()) line += (line.empty() ? "" : " at ") + list("pixel", "pixels", e.pixels);
  if (line.empty()) line = "every element";
  line += " of " + tensor_name(network, e.tensor) + slot_text(e.slot) + images_text(e.images);
  const bool last = network.holds_accumulators(e.tensor);
  const NumberFormat format = last ? NumberFormat{} : network.format(e.tensor);
  return line + " " + action(e.mask, last ? nullptr : &format);
}

std::string line_of(const OperandFault& o, const Network& network) {
  const Layer& layer = layer_at(network, o.layer);
  const NumberFormat format = operand_format(layer, o.input);
  const std::string input = layer.inputs.size() > 1 ? "input " + std::to_string(o.input)
                                                    : std::string("the padded input");
  return channels_at(o.channels, o.pixels) + " of " + input + " of " + layer.name +
         slot_text(o.slot) + images_text(o.images) + " " + action(o.mask, &format);
}

std::string line_of(const WindowFault& w, const Network& network) {
  const Layer& layer = layer_at(network, w.layer);
  std::string line = w.columns.empty() ? "every column" : list("column", "columns", w.columns);
  line += " of the windows";
  if (!w.pixels.empty()) line += " at " + list("pixel", "pixels", w.pixels);
  line += " of " + layer.name;
  if (!w.rows.empty()) line += " for " + list("channel", "channels", w.rows);
  return line + slot_text(w.slot) + images_text(w.images) + " " +
         action(w.mask, &layer.input_format);
}

std::string line_of(const PoolFault& p, const Network& network) {
  const Layer& layer = layer_at(network, p.layer);
  return channels_at(p.channels, p.pixels) + " of " + layer.name + images_text(p.images) +
         " computed by a broken " + (layer.kind == LayerKind::add ? "adder" : "pool") + ": " +
         describe_pool(p.pool, layer);
}

}  // namespace

std::vector<std::string> describe(const Effects& effects, const Network& network) {
  std::vector<std::string> lines;
  for_each_fault(effects, [&](const auto& fault) { lines.push_back(line_of(fault, network)); });
  return lines;
}

}  // namespace stuckat
