// Inputs that several commands share: models, data sets, accelerators, fault maps.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::cli {

/// A model file, or the name of an architecture, whose parameters are then empty: cycles depend on
/// shapes alone.
Network network_alone(const std::string& model);
/// Of the zoo, and no file: without trained parameters.
bool names_architecture(const std::string& model);

/// --data, --half, --images, --offset.
/// `images`: how many where --images is not given; -1: all.
void add_data_options(CommandLine& line, int64_t images = -1);
/// Without --data, the data set that the model `model` is for becomes its value.
void default_data(CommandLine& line, const Network& network, const std::string& model);
/// The images that they select; without --data, of the data set that the model `model` is for,
/// which is then the option's value. Throws InputError where the data are not those of the network
/// (check_same_data()).
DataSet load_data(CommandLine& line, const Network& network, const std::string& model);
/// "fashion-mnist, test images 0 to 99", for people and for machines.
std::string data_text(const CommandLine& line, const DataSet& data);
nlohmann::ordered_json data_json(const CommandLine& line, const DataSet& data);
/// Help for --data: every name with its line.
std::string data_help();

/// --threads; 0 means one for each processor.
void add_thread_option(CommandLine& line);
int threads(const CommandLine& line);

/// --fault-map FILE, --chip N and --fault NAME (repeatable); with a prefix --against-fault-map etc.
void add_fault_options(CommandLine& line, const std::string& prefix = "");
/// Was any fault given?
bool has_faults(const CommandLine& line, const std::string& prefix = "");
/// The map that those options describe, validated; empty if none was given.
FaultMap load_faults(const CommandLine& line, const Placement& placement, const Network& network,
                     const std::string& prefix = "");

/// Names of the classes: the network's, else the data set's, else numbers; [network.classes()].
std::vector<std::string> class_names(const Network& network, const DataSet& data);

/// The arguments that gave a configuration (CommandLine::configuration()), its MODEL first.
Arguments arguments_of(const nlohmann::ordered_json& configuration);

/// The command that a resolved configuration is of, to be pasted into a shell; "" unless it is
/// `campaign`, `import` or `faults new`.
std::string command_of(const std::string& configuration);

/// "width 0.25, fat1, p = 5 %, 10 epochs on fashion-mnist" from the configuration in a model file;
/// other origins by their command.
std::string origin_in_short(const std::string& configuration);

/// "92.31 %": a share with two digits.
std::string percent(int64_t part, int64_t whole);

/// "1,092,898".
std::string thousands(int64_t value);

}  // namespace stuckat::cli
