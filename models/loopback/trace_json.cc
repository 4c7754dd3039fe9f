#include "models/loopback/trace_json.h"

#include "models/common/trace_writer.h"

namespace stuckat::loopback {

void write_trace(std::ostream& file, const LoopbackResult& result) {
  using Process = TraceWriter::Process;
  TraceWriter out(file);
  out.name_process(Process::parts, "parts");
  out.name_process(Process::layers, "layers");
  out.name_row(Process::parts, 0, "array");
  out.name_row(Process::parts, 1, "memory");
  out.name_row(Process::layers, 0, "images");
  out.name_row(Process::layers, 1, "layers");
  int64_t now = 0;
  const auto spend = [&](const char* on, int64_t cycles) {
    out.slice(Process::parts, 0, on, now, now + cycles);
    now += cycles;
  };
  for (size_t i = 0; i < result.images.size(); ++i) {
    const ImageCycles& image = result.images[i];
    out.slice(Process::layers, 0, "image " + std::to_string(i), now, now + image.total());
    spend("load", image.load);
    for_each_step(result, image, [&](const LoopbackLayerResult& step, const LayerCycles& cycles) {
      out.slice(Process::layers, 1, step.name, now, now + cycles.total());
      spend("control", cycles.control);
      spend("waits for weights", cycles.waiting);
      spend(step.tiles > 0 ? "steps" : "moves", cycles.steps);
      spend("pipeline", cycles.pipeline);
    });
    spend("store", image.store);
  }
  for (const LoopbackTransfer& transfer : result.transfers) {
    out.slice(Process::parts, 1, transfer.name, transfer.begin, transfer.end);
  }
  out.finish();
}

}  // namespace stuckat::loopback
