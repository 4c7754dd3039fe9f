// The options of `stuckat train`.
#pragma once

#include <optional>

#include "tools/stuckat/command_line.h"
#include "trainer/checkpoint.h"
#include "trainer/train.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::cli {

void add_train_options(CommandLine& line);

/// The option's value as one of `names`. Throws InputError with the nearest name.
template <typename Enumeration>
Enumeration choice(const CommandLine& line, const char* option,
                   const std::vector<std::string>& names) {
  const std::string name = line.text(option);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Enumeration>(i);
  }
  throw_unknown_name(std::string("--") + option, option, name, names);
}

/// The images of a run as the options split them.
struct TrainImages {
  DataSet train;
  std::optional<DataSet> validation;
  std::optional<DataSet> test;

  trainer::TrainData data() const {
    return {train, validation ? &*validation : nullptr, test ? &*test : nullptr};
  }
};
/// A run that is not what its command says must not look like one: throws InputError for an option
/// that the method, the schedule or the start makes no use of.
void refuse_without_effect(const CommandLine& line);

/// A note on standard error where the training images lack classes: --images takes the first ones,
/// of a set that is sorted by class those of some classes only.
void tell_missing_classes(const DataSet& train);

TrainImages load_train_images(const CommandLine& line);

/// What to train, and the model to start from if there is one.
struct TrainStart {
  Network architecture;
  std::optional<trainer::Model> model;
};
TrainStart load_start(const CommandLine& line, const DataSet& train);

/// Where the run keeps what is done: --checkpoint, or beside the output; "" for none.
std::string checkpoint_of(const CommandLine& line);

trainer::TrainOptions train_options(const CommandLine& line, const Network& architecture);

}  // namespace stuckat::cli
