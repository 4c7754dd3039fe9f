#include <fmt/format.h>

#include <iostream>

#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/bnn_pynq.h"
#include "workloads/model_file.h"
#include "workloads/version.h"
#include "workloads/zoo.h"

namespace stuckat::cli {

int run_import(const Arguments& arguments) {
  CommandLine line("import bnn-pynq FOLDER --network NAME -o MODEL",
                   "Brings in a network that others trained, as an integer model in HDF5.\n"
                   "bnn-pynq: a parameter folder of Xilinx BNN-PYNQ (N-M-weights.bin, "
                   "N-M-thres.bin, classes.txt).",
                   {"format", "folder"});
  line.options().add_options()("network", text("NAME", "cnv-w1a1"),
                               "architecture of the zoo; see below")("output,o", text("FILE"),
                                                                     "model file to write");
  std::string epilogue = "Networks:";
  for (const auto& name : zoo_names()) epilogue += " " + name;
  line.epilogue(epilogue + "\n");
  if (!line.parse(arguments)) return 0;
  if (line.text("format") != "bnn-pynq") {
    throw_unknown_name("stuckat import", "format", line.text("format"), {"bnn-pynq"});
  }
  if (!line.has("output")) throw InputError("stuckat import", "no --output", "-o MODEL.h5");
  const Network network = import_bnn_pynq(line.text("folder"), line.text("network"));
  write_model(line.text("output"), network, {tool_version, line.configuration().dump()});
  const std::string hash = content_hash(network);
  fmt::print("{}: {} with {} layers, {} classes, hash {}\n", line.text("output"), network.name,
             network.layers.size(), network.classes(), hash.substr(0, 12));
  line.write_json({{"model", line.text("output")},
                   {"network", network.name},
                   {"layers", network.layers.size()},
                   {"classes", network.classes()},
                   {"hash", hash}});
  return 0;
}

}  // namespace stuckat::cli
