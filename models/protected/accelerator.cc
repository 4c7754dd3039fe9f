#include "models/protected/accelerator.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "models/common/hardware_protection.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

using Json = nlohmann::ordered_json;

std::string name_of(const Json& value, const std::string& where) {
  const std::string name = value.is_string() ? value.get<std::string>() : "";
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), good)) {
    throw InputError(where, "'name' is " + value.dump().substr(0, 40),
                     "1 to 100 of A-Z a-z 0-9 . _ -");
  }
  return name;
}

std::vector<int> pes_of(const Json& value, const std::string& key, const std::string& where) {
  if (value == "all") return {};
  std::vector<int> pes;
  constexpr int most = 1 << 20;
  for (const Json& pe : value.is_array() ? value : Json::array()) {
    const bool good = pe.is_number_integer() && pe >= 0 && pe < most;
    if (!good)
      throw InputError(where, "'" + key + "' has the PE " + pe.dump().substr(0, 40), "a number");
    pes.push_back(pe.get<int>());
  }
  if (pes.empty()) {
    throw InputError(where, "'" + key + "' of " + value.dump().substr(0, 40),
                     "\"all\" or [PE, ...]");
  }
  return pes;
}

/// A key, where it is none of the others.
Redundancy parse_redundancy(const std::string& key, const std::string& where) {
  std::vector<std::string> known = {"name", "accelerator", "codes"};
  const auto& rows = protection_kinds().redundancies;
  for (size_t r = 0; r < rows.size(); ++r) {
    if (key == rows[r].name) return static_cast<Redundancy>(r);
    known.emplace_back(rows[r].name);
  }
  throw_unknown_name(where, "key", key, known);
}

Json parsed(const std::string& text, const std::string& where) {
  std::vector<std::set<std::string>> keys;
  const auto unique_keys = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 8) throw InputError(where, "is nested too deeply", "one JSON object");
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw InputError(where, "key " + value.dump() + " is there twice", "once");
    }
    return true;
  };
  try {
    Json object = Json::parse(text, unique_keys);
    if (!object.is_object()) throw InputError(where, "is no object", "one JSON object");
    return object;
  } catch (const Json::exception& error) {
    throw InputError(where, error.what(), "one JSON object");
  }
}

const Json& object_at(const Json& value, const std::string& key, const std::string& where) {
  if (!value.is_object()) {
    throw InputError(where, "'" + key + "' is " + value.dump().substr(0, 40), "an object");
  }
  return value;
}

std::string read_text(const std::filesystem::path& path) {
  constexpr uintmax_t most_bytes = uintmax_t{1} << 20;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw InputError(path.string(), "cannot be read", "a JSON file");
  }
  if (std::filesystem::file_size(path, error) > most_bytes || error) {
    throw InputError(path.string(), "is too large", "at most 1 MiB of JSON");
  }
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// "dataflow:a.json" -> "dataflow:FOLDER/a.json" where that file is there.
std::string from_folder(const std::string& accelerator, const std::string& folder) {
  const size_t colon = accelerator.find(':');
  if (colon == std::string::npos || folder.empty()) return accelerator;
  const auto path = std::filesystem::path(folder) / accelerator.substr(colon + 1);
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return accelerator;
  return accelerator.substr(0, colon + 1) + path.string();
}

}  // namespace

std::string ProtectedAccelerator::json(const Network& /*network*/) const {
  return protected_json(name_, inside_->name(), protection_);
}

Placement ProtectedAccelerator::place(const Network& network) const {
  Placement placement = inside_->place(network);
  placement.accelerator = name();
  for (const auto& [redundancy, arrays] : protection_.pes) {
    for (const auto& [array, listed] : arrays) {
      std::vector<int> pes = listed;
      for (const PeArray& a : placement.arrays) {
        for (int pe = 0; a.name == array && listed.empty() && pe < a.pe; ++pe) pes.push_back(pe);
      }
      add_redundancy(placement, redundancy, array, std::move(pes));
    }
  }
  for (const auto& [memory, code] : protection_.codes) {
    const auto [array, which] = parse_coded_memory(memory, name());
    encode(placement, array, which, parse_memory_code(code, name()));
  }
  return placement;
}

SimulationResult ProtectedAccelerator::simulate(const Network& network, const FaultMap& map,
                                                const std::vector<Tensor>& images,
                                                const Recording& recording) const {
  const Placement placement = place(network);
  FaultMap checked = map;
  validate(checked, placement, network, name());
  if (const auto* hardware = dynamic_cast<const HasHardwareProtection*>(inside_.get())) {
    return hardware->simulate_protected(network, placement, checked, images, recording);
  }
  FaultMap left = behind_protection(checked, placement, network).left;
  left.accelerator = inside_->name();
  left.accelerator_hash.clear();
  return inside_->simulate(network, left, images, recording);
}

Cost ProtectedAccelerator::cost(const Network& network) const {
  Cost sum = inside_->cost(network);
  const ProtectionCost more = protection_cost(place(network), network);
  sum.pes += more.pes;
  sum.multipliers += more.multipliers;
  sum.memory_bits += more.memory_bits;
  sum.luts = sum.bram18 = sum.dsps = 0;  // FINN has no estimate of voters and codes
  return sum;
}

std::string protected_json(const std::string& name, const std::string& inside,
                           const Protection& protection) {
  Json object = {{"name", name}, {"accelerator", inside}};
  for (const auto& [redundancy, arrays] : protection.pes) {
    for (const auto& [array, pes] : arrays) {
      object[protection_kinds()[redundancy].name][array] = pes.empty() ? Json("all") : Json(pes);
    }
  }
  for (const auto& [memory, code] : protection.codes) object["codes"][memory] = code;
  return object.dump(2) + "\n";
}

AcceleratorPtr protected_from_json(const std::string& json, const std::string& where,
                                   const std::string& default_name, const std::string& folder,
                                   const Network& network, const ParseInside& parse) {
  const Json object = parsed(json, where);
  std::string name = default_name;
  std::string inside;
  Protection protection;
  for (const auto& [key, value] : object.items()) {
    if (key == "name") {
      name = name_of(value, where);
    } else if (key == "accelerator" && value.is_string()) {
      inside = from_folder(value.get<std::string>(), folder);
    } else if (key == "codes") {
      for (const auto& [memory, code] : object_at(value, key, where).items()) {
        const std::string code_name = code.is_string() ? code.get<std::string>() : code.dump();
        parse_memory_code(code_name, where);
        parse_coded_memory(memory, where);
        protection.codes[memory] = code_name;
      }
    } else {
      const Redundancy redundancy = parse_redundancy(key, where);
      for (const auto& [array, pes] : object_at(value, key, where).items()) {
        protection.pes[redundancy][array] = pes_of(pes, key, where);
      }
    }
  }
  if (inside.empty() || inside.starts_with("protected:")) {
    throw InputError(where, inside.empty() ? "no 'accelerator'" : "is around a protected one",
                     "the accelerator inside, such as \"dataflow:bnn-pynq-cnv-w1a1\"");
  }
  auto result = std::make_shared<ProtectedAccelerator>(name, parse(inside, network), protection);
  result->place(network);  // arrays and PEs exist
  return result;
}

Family protected_family(const ParseInside& parse) {
  protection_kinds();
  Family row;
  row.prefix = "protected";
  row.noun = "protected accelerator";
  row.label = "protected";
  row.forms = {{"FILE.json",
                "another one with voters and memory codes; see "
                "models/protected/FORMAT.md"}};
  row.parse = [parse](const std::string& name, const Network& network) {
    const std::filesystem::path path = name.substr(std::string_view("protected:").size());
    return protected_from_json(read_text(path), path.string(), path.stem().string(),
                               path.parent_path().string(), network, parse);
  };
  // For sites that others have not.
  row.examples = {{"cnv-w1a1",
                   [parse](const Network& network) -> AcceleratorPtr {
                     Protection protection;
                     protection.pes[Redundancy::copies]["layer1/mvtu"] = {0, 5};
                     protection.pes[Redundancy::duplicates]["layer2/mvtu"] = {0};
                     protection.pes[Redundancy::spares]["layer3/mvtu"] = {0};
                     protection.codes["layer1/mvtu/weights"] = "secded";
                     return std::make_shared<ProtectedAccelerator>(
                         "cnv-w1a1-example", parse("dataflow:bnn-pynq-cnv-w1a1", network),
                         protection);
                   },
                   ""}};
  return row;
}

}  // namespace stuckat
