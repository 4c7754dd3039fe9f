#include <cstdio>

#include "sim/campaign/result.h"
#include "sim/campaign/summary.h"

namespace stuckat::campaign {
namespace {

std::string four_places(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string number_or_empty(int value, int none) {
  return value == none ? "" : std::to_string(value);
}

/// Identifier of the fault that stands for all that do the same.
std::string representative(const Result& result, int64_t fault) {
  const int32_t first = result.representatives[static_cast<size_t>(fault)];
  return first == Result::no_effect ? "no effect" : result.faults[static_cast<size_t>(first)].id;
}

}  // namespace

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string faults_csv(const Result& result) {
  std::string text =
      "id,layer,channel,y,x,part,pe,level,representative,images,correct,accuracy,"
      "error_free_accuracy,points_lost,masked,tolerated,critical,worst_class,worst_class_accuracy";
  text += ",last_difference_none,last_difference_input";
  for (const std::string& layer : result.layer_names) {
    text += "," + csv_field("last_difference_" + layer);
  }
  text += "\n";
  const std::string images = std::to_string(result.images);
  const std::string golden = four_places(result.golden_accuracy());
  for (int64_t f = 0; f < result.size(); ++f) {
    const FaultInfo& info = result.faults[static_cast<size_t>(f)];
    const auto worst = result.worst_class(f);
    text += csv_field(info.id) + ",";
    if (info.layer >= 0) text += csv_field(result.layer_names[static_cast<size_t>(info.layer)]);
    for (const int coordinate : {info.channel, info.y, info.x}) {
      text += "," + number_or_empty(coordinate, -1);
    }
    text += "," + csv_field(info.part) + "," + number_or_empty(info.pe, -1) + "," +
            number_or_empty(info.level, FaultInfo::no_level) + "," +
            csv_field(representative(result, f)) + "," + images + "," +
            std::to_string(result.total_correct(f)) + "," + four_places(result.accuracy(f)) + "," +
            golden + "," + four_places(result.golden_accuracy() - result.accuracy(f)) + "," +
            std::to_string(result.masked(f)) + "," + std::to_string(result.tolerated(f)) + "," +
            std::to_string(result.critical[static_cast<size_t>(f)]) + "," +
            number_or_empty(worst.index, -1) + "," +
            (worst.index < 0 ? "" : four_places(worst.accuracy));
    const int entries = result.tensors() + 1;
    for (int e = 0; e < entries; ++e) {
      text += "," + std::to_string(result.last_difference[static_cast<size_t>(f * entries + e)]);
    }
    text += "\n";
  }
  return text;
}

std::string layers_csv(const Result& result) {
  std::string text = "layer,level,faults,min,max,mean,worst\n";
  for (const LayerSummary& s : by_layer_and_level(result)) {
    text += csv_field(s.name) + "," + number_or_empty(s.level, FaultInfo::no_level) + "," +
            std::to_string(s.accuracy.faults) + "," + four_places(s.accuracy.min) + "," +
            four_places(s.accuracy.max) + "," + four_places(s.accuracy.mean) + "," +
            csv_field(result.faults[static_cast<size_t>(s.accuracy.worst)].id) + "\n";
  }
  return text;
}

}  // namespace stuckat::campaign
