// docs/pessimism.md and its picture, from results of `stuckat faults pessimism`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/studies/pessimism.h"

namespace stuckat::cli {

using studies::Pessimism;
using studies::PessimismRow;

/// A study and what it was about.
struct NamedStudy {
  std::string label;  ///< "CNV-W1A1 x 1/8, Fashion-MNIST"
  std::string network;
  std::string accelerator;
  std::string data;
  double confidence = 0.95;
  Pessimism study;
};

nlohmann::ordered_json to_json(const NamedStudy& study);
/// Throws InputError(path, ...) on anything but what to_json() writes.
NamedStudy read_study(const std::string& path);

/// The whole page; `picture` is the name of the picture beside it.
std::string pessimism_page(const std::vector<NamedStudy>& studies, const std::string& picture);
/// Bars (masked, partial, stuck) and points lost (exact, abstraction) for every kind of site.
std::string pessimism_picture(const std::vector<NamedStudy>& studies);

/// One line for the terminal.
std::string row_text(const PessimismRow& row);

}  // namespace stuckat::cli
