#include <fmt/format.h>

#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "workloads/export/qonnx.h"
#include "workloads/model_file.h"
#include "workloads/text_file.h"

namespace stuckat::cli {

int run_export(const Arguments& arguments) {
  CommandLine line("export MODEL -o FILE.onnx",
                   "Writes a model as QONNX, which Brevitas, FINN and hls4ml read: the same "
                   "predictions, or a refusal.\nThe file takes pixel bytes 0 to 255 as they are.",
                   {"model"});
  line.options().add_options()("output,o", text("FILE"), "ONNX file to write");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat export", "no --output", "-o FILE.onnx");
  const Network network = read_model(line.text("model"));
  const QonnxFile file = to_qonnx(network, line.text("model"));
  write_text_file(line.text("output"), file.bytes);
  for (const std::string& note : file.notes) fmt::print("note: {}\n", note);
  fmt::print("{}: {} as QONNX, {} layers, {} classes\n", line.text("output"), network.name,
             network.layers.size(), network.classes());
  line.write_json({{"file", line.text("output")},
                   {"network", network.name},
                   {"hash", content_hash(network)},
                   {"notes", file.notes}});
  return 0;
}

}  // namespace stuckat::cli
