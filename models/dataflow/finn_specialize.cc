#include "models/dataflow/finn_specialize.h"

#include <map>
#include <utility>

namespace stuckat::dataflow {
namespace {

constexpr const char* style_key = "preferred_impl_style";

/// "MVAU_3": operator and number. FINN's folding then has "MVAU_hls_1", the second of its backend.
std::pair<std::string, int> numbered(const std::string& node, const std::string& where) {
  const size_t slash = node.rfind('_');
  const std::string digits = slash == std::string::npos ? "" : node.substr(slash + 1);
  const bool is_number = !digits.empty() && digits.size() < 7 &&
                         digits.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) throw InputError(where, "node '" + node + "'", "OPERATOR_N");
  return {node.substr(0, slash), std::stoi(digits)};
}

/// [operator][number] backend, "" where FINN is to choose.
std::map<std::string, std::map<int, std::string>> read_styles(const Json& json,
                                                              const std::string& where) {
  std::map<std::string, std::map<int, std::string>> styles;
  for (const auto& [name, values] : json.items()) {
    if (name == "Defaults") continue;
    const auto [op, number] = numbered(name, where);
    const auto style = values.find(style_key);
    if (style == values.end() || (*style != "hls" && *style != "rtl" && *style != "")) {
      throw InputError(where, name + " is " + values.dump().substr(0, 60),
                       std::string("an object with ") + style_key + " \"hls\", \"rtl\" or \"\"");
    }
    styles[op][number] = style->get<std::string>();
  }
  return styles;
}

}  // namespace

bool is_specialization(const Json& json) {
  bool says = false;
  for (const auto& [name, values] : json.items()) {
    if (name == "Defaults" || !values.is_object()) continue;
    for (const auto& [key, value] : values.items()) {
      if (key != style_key) return false;
      says = true;
    }
  }
  return says;
}

Json specialized(const Json& folding, const Json& backends, const std::string& where) {
  struct Node {
    std::string name, style;
  };
  std::map<std::string, Node> renamed;  // by the folding's name
  const auto styles = read_styles(backends, where);
  for (const auto& [op, of_op] : styles) {
    std::map<std::string, int> count;  // of a backend
    int next = 0;
    for (const auto& [number, style] : of_op) {
      const std::string name = op + "_" + std::to_string(number);
      if (number != next++)
        throw InputError(where, "no node " + op + "_" + std::to_string(next - 1), "N from 0 on");
      const std::string special = op + "_" + style + "_" + std::to_string(count[style]++);
      if (!style.empty() && folding.contains(special)) {
        renamed[special] = {name, style};
      } else if (folding.contains(name)) {
        renamed[name] = {name, style};
      }
    }
  }
  Json result = Json::object();
  for (const auto& [name, values] : folding.items()) {
    const auto found = renamed.find(name);
    if (found == renamed.end()) {
      for (const auto& [op, of_op] : styles) {
        if (name.rfind(op + "_", 0) != 0) continue;
        throw InputError(where, "nothing about the folding's node '" + name + "'",
                         "as many nodes " + op + "_N of its backend as the folding has");
      }
      result[name] = values;
      continue;
    }
    const auto& [new_name, style] = found->second;
    result[new_name] = values;
    if (!style.empty() && values.is_object()) result[new_name][style_key] = style;
  }
  return result;
}

}  // namespace stuckat::dataflow
