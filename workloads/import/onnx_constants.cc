// Nodes whose inputs are all known: computed here, as an executor does, in float32 (or float64
// where a tensor is). Quantized constants keep their integers and scales.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {
namespace {

constexpr int64_t most_of_a_constant = int64_t{1} << 26;

/// Rounded to float32 unless one of the operands is float64 or both are integers.
double in_precision(double value, bool is_double) {
  return is_double ? value : static_cast<double>(static_cast<float>(value));
}

int64_t elements(const std::vector<int64_t>& dims) {
  int64_t size = 1;
  for (const int64_t extent : dims) {
    if (extent < 0 || extent > most_of_a_constant) return -1;
    size *= extent;
    if (size > most_of_a_constant) return -1;
  }
  return size;
}

/// Dimensions of what both are brought to; empty and false if they do not go together.
bool broadcast(const std::vector<int64_t>& a, const std::vector<int64_t>& b,
               std::vector<int64_t>& result) {
  const size_t rank = std::max(a.size(), b.size());
  result.assign(rank, 1);
  for (size_t i = 0; i < rank; ++i) {  // from the last
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return false;
    result[rank - 1 - i] = x == 1 ? y : x;
  }
  return elements(result) >= 0;
}

/// Index into a tensor of `dims` for element `index` of the broadcast one.
size_t broadcast_index(int64_t index, const std::vector<int64_t>& to,
                       const std::vector<int64_t>& dims) {
  int64_t result = 0;
  int64_t stride = 1;
  for (size_t i = 0; i < to.size(); ++i) {  // from the last
    const int64_t extent = to[to.size() - 1 - i];
    const int64_t at = index % extent;
    index /= extent;
    if (i >= dims.size()) continue;
    const int64_t own = dims[dims.size() - 1 - i];
    if (own != 1) result += at * stride;
    stride *= own;
  }
  return static_cast<size_t>(result);
}

double rounded(double y, const std::string& mode) {
  if (mode == "ROUND" || mode == "HALF_EVEN") return std::nearbyint(y);
  if (mode == "CEIL") return std::ceil(y);
  if (mode == "FLOOR") return std::floor(y);
  if (mode == "UP") return y > 0 ? std::ceil(y) : std::floor(y);
  if (mode == "DOWN" || mode == "ROUND_TO_ZERO") return std::trunc(y);
  if (mode == "HALF_UP") return std::round(y);
  if (mode == "HALF_DOWN") return y > 0 ? std::ceil(y - 0.5) : std::floor(y + 0.5);
  return std::nan("");
}

}  // namespace

bool OnnxImport::fold(const Node& node) {
  if (node.outputs.empty()) refuse(node, "has no output", "a whole file");
  Constant result;
  const std::string& op = node.operation;
  if (op == "Constant") {
    const auto found = node.attributes.find("value");
    if (found == node.attributes.end() || found->second.tensors.empty()) {
      refuse(node, "is no tensor", "the attribute 'value'");
    }
    const OnnxTensor& tensor = found->second.tensors[0];
    result.dims = tensor.dims;
    result.values = tensor.values;
    result.is_integer = tensor.is_integer();
    result.is_double = tensor.type == onnx_type::float64;
    result.is_signed_type = tensor.is_signed();
  } else if (op == "Shape") {
    const Value& of = value(node, 0);
    const auto& dims = of.is_constant() ? of.constant->dims : of.dims;
    result.dims = {static_cast<int64_t>(dims.size())};
    result.values.assign(dims.begin(), dims.end());
    result.is_integer = true;
  } else {
    if (node.inputs.empty()) refuse(node, "has no input", "a whole file");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (has_input(node, i) && !value(node, i).is_constant()) return false;
    }
    result = folded(node);
  }
  Value value;
  value.constant = std::make_shared<const Constant>(std::move(result));
  set(node, std::move(value));
  return true;
}

Constant OnnxImport::folded(const Node& node) const {
  const std::string& op = node.operation;
  for (const char* elementwise : {"Add", "Sub", "Mul", "Div", "Pow"}) {
    if (op == elementwise) return fold_elementwise(node);
  }
  for (const char* quantizer :
       {"Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear"}) {
    if (op == quantizer) return fold_quantizer(node);
  }
  if (op == "Transpose") return fold_transpose(node);
  if (op == "Sqrt" || op == "Neg" || op == "Relu" || op == "Clip") {
    Constant result = constant(node, 0);
    double low = op == "Relu" ? 0 : node.number("min", -HUGE_VAL);
    double high = node.number("max", HUGE_VAL);
    if (op == "Clip" && has_input(node, 1)) low = scalar(node, 1);
    if (op == "Clip" && has_input(node, 2)) high = scalar(node, 2);
    for (double& v : result.values) {
      v = op == "Sqrt"  ? in_precision(std::sqrt(v), result.is_double)
          : op == "Neg" ? -v
                        : std::min(std::max(v, low), high);
    }
    if (op == "Clip" && !result.integers.empty()) {
      for (size_t i = 0; i < result.integers.size(); ++i) {
        if (result.values[i] != result.scales[i] * result.integers[i]) {
          result.integers.clear();
          result.scales.clear();
          break;
        }
      }
    } else if (op != "Clip") {
      result.integers.clear();
      result.scales.clear();
    }
    return result;
  }
  return fold_shape(node);
}

Constant OnnxImport::fold_elementwise(const Node& node) const {
  const Constant& a = constant(node, 0);
  const Constant& b = constant(node, 1);
  Constant result;
  if (!broadcast(a.dims, b.dims, result.dims)) refuse(node, "has sizes that do not fit", "others");
  result.is_double = a.is_double || b.is_double;
  result.is_integer = a.is_integer && b.is_integer;
  const int64_t count = elements(result.dims);
  for (int64_t i = 0; i < count; ++i) {
    const double x = a.values[broadcast_index(i, result.dims, a.dims)];
    const double y = b.values[broadcast_index(i, result.dims, b.dims)];
    const std::string& op = node.operation;
    const double v = op == "Add"   ? x + y
                     : op == "Sub" ? x - y
                     : op == "Mul" ? x * y
                     : op == "Div" ? (result.is_integer && y != 0 ? std::trunc(x / y) : x / y)
                                   : std::pow(x, y);
    result.values.push_back(in_precision(v, result.is_double || result.is_integer));
  }
  return result;
}

/// Quant and its like on weights: integers and scales, element by element.
Constant OnnxImport::fold_quantizer(const Node& node) const {
  const Constant& x = constant(node, 0);
  const Constant& scale = constant(node, 1);
  const std::string& op = node.operation;
  const bool is_bipolar = op == "BipolarQuant";
  const bool is_qdq = op == "QuantizeLinear" || op == "DequantizeLinear";
  Constant result;
  result.dims = x.dims;
  result.is_double = x.is_double || scale.is_double;
  result.is_bipolar = is_bipolar;
  // The scale's one wide dimension of QuantizeLinear is that of its axis.
  std::vector<int64_t> scale_dims = scale.dims;
  if (is_qdq && scale.size() > 1) {
    const auto rank = static_cast<int64_t>(x.dims.size());
    int64_t axis = static_cast<int64_t>(node.number("axis", 1));
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank || x.dims[static_cast<size_t>(axis)] != scale.size()) {
      refuse(node, std::to_string(scale.size()) + " scales do not fit", "one for each of the axis");
    }
    scale_dims.assign(static_cast<size_t>(rank), 1);
    scale_dims[static_cast<size_t>(axis)] = scale.size();
  }
  std::vector<int64_t> all;
  if (!broadcast(x.dims, scale_dims, all) || all.size() != std::max(x.dims.size(), all.size()) ||
      elements(all) != x.size()) {
    refuse(node, "has scales that do not fit", "one, or one for each channel");
  }
  const bool has_zero = !is_bipolar && has_input(node, 2);
  const Constant* const zero = has_zero ? &constant(node, 2) : nullptr;
  if (zero != nullptr && zero->size() != 1 && zero->size() != scale.size()) {
    refuse(node, "has zero points that do not fit", "one, or one for each scale");
  }
  double low = -HUGE_VAL;
  double high = HUGE_VAL;
  if (!is_bipolar && !is_qdq) {
    const int64_t bits = whole(node, 3);
    if (bits < 1 || bits > 32) refuse(node, std::to_string(bits) + " bits", "1 to 32");
    const bool is_signed = node.number("signed", 1) != 0;
    const bool narrow = node.number("narrow", 0) != 0;
    low = is_signed ? -std::ldexp(1.0, static_cast<int>(bits) - 1) + (narrow ? 1 : 0) : 0;
    high = is_signed ? std::ldexp(1.0, static_cast<int>(bits) - 1) - 1
                     : std::ldexp(1.0, static_cast<int>(bits)) - 1 - (narrow ? 1 : 0);
    result.bits = static_cast<int>(bits) + (is_signed ? 0 : 1);
  }
  if (is_qdq) result.bits = 8;
  if (op == "QuantizeLinear") {
    const bool has_sign = zero != nullptr && zero->is_signed_type;
    low = has_sign ? -128 : 0;
    high = has_sign ? 127 : 255;
  }
  const std::string mode = node.text("rounding_mode", "ROUND");
  for (int64_t i = 0; i < x.size(); ++i) {
    const size_t at = broadcast_index(i, x.dims, scale_dims);
    const double s = scale.values[at];
    const double z = zero == nullptr ? 0 : zero->values[zero->size() == 1 ? 0 : at];
    const double v = x.values[static_cast<size_t>(i)];
    double q = 0;
    if (is_bipolar) {
      q = v >= 0 ? 1 : -1;
    } else if (op == "DequantizeLinear") {
      q = v - z;
    } else if (op == "QuantizeLinear") {
      q = std::min(std::max(std::nearbyint(in_precision(v / s, result.is_double)) + z, low), high);
    } else {
      const double y = in_precision(in_precision(v / s, result.is_double) + z, result.is_double);
      q = rounded(std::min(std::max(y, low), high), mode) - z;
    }
    if (!(std::abs(q) <= 2147483647.0) || !std::isfinite(s) || q != std::floor(q)) {
      refuse(node, "makes no integers (a value, scale or zero point is none)", "finite numbers");
    }
    result.integers.push_back(static_cast<int32_t>(q));
    if (op == "QuantizeLinear") {
      result.scales.push_back(1);
      result.values.push_back(q);
    } else {
      result.scales.push_back(s);
      result.values.push_back(in_precision(q * s, result.is_double));
    }
  }
  return result;
}

Constant OnnxImport::fold_transpose(const Node& node) const {
  const Constant& x = constant(node, 0);
  std::vector<int64_t> perm = node.integers("perm");
  const size_t rank = x.dims.size();
  if (perm.empty()) {
    perm.resize(rank);
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  std::vector<int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (sorted.size() != rank || sorted[i] != static_cast<int64_t>(i)) {
      refuse(node, "has no permutation of its dimensions", "one");
    }
  }
  std::vector<int64_t> stride(rank, 1);  // in x
  for (size_t i = rank; i-- > 1;) stride[i - 1] = stride[i] * x.dims[i];
  Constant result = x;
  for (size_t i = 0; i < rank; ++i) result.dims[i] = x.dims[static_cast<size_t>(perm[i])];
  for (int64_t i = 0; i < x.size(); ++i) {
    int64_t rest = i;
    int64_t from = 0;
    for (size_t d = rank; d-- > 0;) {
      from += rest % result.dims[d] * stride[static_cast<size_t>(perm[d])];
      rest /= result.dims[d];
    }
    const auto to = static_cast<size_t>(i);
    const auto at = static_cast<size_t>(from);
    result.values[to] = x.values[at];
    if (x.integers.empty()) continue;
    result.integers[to] = x.integers[at];
    result.scales[to] = x.scales[at];
  }
  return result;
}

/// Sizes put together, and constants in another shape.
Constant OnnxImport::fold_shape(const Node& node) const {
  const std::string& op = node.operation;
  Constant result = constant(node, 0);
  if (op == "Identity" || op == "Cast") return result;
  if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze") {
    result.dims = reshaped(node, result.dims);
    return result;
  }
  if (op == "Gather") {
    const int64_t index = whole(node, 1);
    if (result.dims.size() != 1) refuse(node, "gathers from a matrix", "a list of sizes");
    const int64_t at = index < 0 ? index + result.size() : index;
    if (at < 0 || at >= result.size())
      refuse(node, "gathers beyond the end", "a size that is there");
    Constant one;
    one.values = {result.values[static_cast<size_t>(at)]};
    one.is_integer = result.is_integer;
    return one;
  }
  if (op == "Concat") {
    Constant list;
    list.is_integer = true;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Constant& part = constant(node, i);
      if (part.dims.size() != 1) refuse(node, "joins constant matrices", "lists of sizes");
      list.values.insert(list.values.end(), part.values.begin(), part.values.end());
    }
    list.dims = {list.size()};
    return list;
  }
  refuse(node, "computes on constants alone in a way that is not known",
         "those folded by the exporter (onnxsim, qonnx-cleanup)");
}

std::vector<int64_t> OnnxImport::reshaped(const Node& node,
                                          const std::vector<int64_t>& from) const {
  const std::string& op = node.operation;
  const int64_t size = elements(from);
  std::vector<int64_t> to;
  if (op == "Reshape") {
    const Constant& wanted = constant(node, 1);
    int64_t known = 1;
    size_t open = wanted.values.size();
    for (size_t i = 0; i < wanted.values.size(); ++i) {
      const double extent = wanted.values[i];
      if (extent == 0 && i < from.size()) {
        to.push_back(from[i]);
      } else if (extent == -1 && open == wanted.values.size()) {
        open = i;
        to.push_back(1);
      } else if (extent >= 1 && extent <= static_cast<double>(most_of_a_constant)) {
        to.push_back(static_cast<int64_t>(extent));
      } else {
        refuse(node, "has the size " + std::to_string(extent), "1 or more, 0 or one -1");
      }
      known *= to.back();
      if (known > most_of_a_constant) break;
    }
    if (open < to.size() && known > 0) to[open] = size / known;
  } else if (op == "Flatten") {
    int64_t axis = static_cast<int64_t>(node.number("axis", 1));
    if (axis < 0) axis += static_cast<int64_t>(from.size());
    to = {1, 1};
    for (size_t i = 0; i < from.size(); ++i) to[static_cast<int64_t>(i) < axis ? 0 : 1] *= from[i];
  } else {
    std::vector<int64_t> axes = node.integers("axes");
    if (has_input(node, 1)) {
      for (const double axis : constant(node, 1).values) axes.push_back(static_cast<int64_t>(axis));
    }
    const bool squeezes = op == "Squeeze";
    const auto rank =
        static_cast<int64_t>(from.size()) + (squeezes ? 0 : static_cast<int64_t>(axes.size()));
    for (int64_t& axis : axes) {
      if (axis < 0) axis += rank;
      if (axis < 0 || axis >= rank || rank > 8)
        refuse(node, "has an axis beyond its dimensions", "one");
    }
    size_t next = 0;
    for (int64_t i = 0; i < rank; ++i) {
      const bool named = std::find(axes.begin(), axes.end(), i) != axes.end();
      if (squeezes) {
        const int64_t extent = from[static_cast<size_t>(i)];
        if (!named && !(axes.empty() && extent == 1)) to.push_back(extent);
      } else if (named) {
        to.push_back(1);
      } else if (next < from.size()) {
        to.push_back(from[next++]);
      }
    }
  }
  if (elements(to) != size) refuse(node, "makes another number of elements", "as many");
  return to;
}

}  // namespace stuckat::importing
