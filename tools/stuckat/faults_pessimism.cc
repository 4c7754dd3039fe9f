#include <fmt/format.h>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/pessimism_page.h"
#include "workloads/model_file.h"

namespace stuckat::cli {

int faults_pessimism(const Arguments& arguments) {
  CommandLine line(
      "faults pessimism MODEL --accelerator NAME --data NAME[:PATH] [options]",
      "How pessimistic the abstraction \"a broken PE is its channels stuck\" is: for every kind "
      "of\n"
      "site the share of faults that are masked, that stick whole channels or pixels, and that do\n"
      "neither, and the accuracy that they cost, beside that of the abstraction at its worst "
      "level.\n"
      "Every fault of a kind on every image where there are at most --exhaustive, else a "
      "stratified\n"
      "sample with intervals.",
      {"model"});
  line.options().add_options()("accelerator", text("NAME"), "what is broken; see below");
  add_data_options(line);
  line.options().add_options()("exhaustive", number("N", 50'000),
                               "kinds with more faults than this are sampled")(
      "margin", real("E", 0.05, "0.05"), "of a sample: half width aimed at, for each part")(
      "confidence", real("C", 0.95, "0.95"), "of intervals")("seed", number("N", 1), "of samples")(
      "examine", number("N", 50), "first images, on which stuck is told from partial");
  add_thread_option(line);
  line.epilogue(data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("accelerator")) {
    throw InputError("stuckat faults pessimism", "no --accelerator", "--accelerator NAME");
  }
  const Network network = read_model(line.text("model"));
  const DataSet data = load_data(line, network, line.text("model"));
  const Placement placement =
      place_on(parse_accelerator(line.text("accelerator"), network), network);
  ProgressLine progress("pessimism");
  studies::PessimismOptions options;
  options.exhaustive = line.integer("exhaustive", 0, INT64_MAX);
  options.sampling = {line.real("margin", 1e-6, 0.5), line.real("confidence", 0.01, 0.999999),
                      static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX))};
  options.examined = static_cast<int>(line.integer("examine", 1, INT32_MAX));
  options.threads = threads(line);
  options.progress = [&](const std::string& kind, double share) { progress.show(share, kind); };
  const NamedStudy named = {"",
                            network.name,
                            placement.accelerator,
                            data.name,
                            options.sampling.confidence,
                            studies::study(network, placement, data, options)};
  progress.clear();
  fmt::print("{} on {}, {} images of {}, {} right without faults\n\n", network.name,
             placement.accelerator, thousands(named.study.images), data.name,
             percent(named.study.right, named.study.images));
  fmt::print("{:<16} {:>10} {:>9} {:>18} {:>18} {:>18} {:>14} {:>14} {:>17}\n", "site", "faults",
             "examined", "masked %", "stuck %", "partial %", "points lost", "abstraction",
             "costs more %");
  for (const PessimismRow& row : named.study.rows) fmt::print("{}\n", row_text(row));
  auto json = to_json(named);
  json["configuration"] = line.configuration();
  line.write_json(json);
  return 0;
}

int faults_pessimism_page(const Arguments& arguments) {
  CommandLine line(
      "faults pessimism-page LABEL=RESULT... -o PAGE.md",
      "A page with tables and a picture (PAGE.svg, beside it) from results of 'stuckat "
      "faults pessimism --json RESULT'.",
      {"results..."});
  line.options().add_options()("output,o", text("FILE"), "page to write");
  if (!line.parse(arguments)) return 0;
  const std::string page = line.text("output");
  if (!page.ends_with(".md")) {
    throw InputError("stuckat faults pessimism-page", "no page", "-o PAGE.md");
  }
  const std::string picture = page.substr(0, page.size() - 3) + ".svg";
  line.check_files({}, {{"the picture", picture}});
  std::vector<NamedStudy> studies;
  for (const auto& result : line.get<std::vector<std::string>>("results")) {
    const size_t equals = result.rfind('=');
    if (equals == std::string::npos) throw InputError(result, "no label", "LABEL=RESULT");
    studies.push_back(read_study(result.substr(equals + 1)));
    studies.back().label = result.substr(0, equals);
  }
  write_text_file(picture, pessimism_picture(studies));
  write_text_file(page, pessimism_page(studies, picture.substr(picture.rfind('/') + 1)));
  fmt::print("{}\n{}\n", page, picture);
  return 0;
}

}  // namespace stuckat::cli
