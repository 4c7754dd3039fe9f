// A network that is a graph goes through the commands on accelerators: a residual block with a
// depthwise branch, in 8 bits.
#include "tests/support/random_graph.h"
#include "tests/tools/command/session.h"

using namespace stuckat;
using test::json_of;
using test::run;
using test::Session;

namespace {

/// 32 x 32 x 3 bytes to 10 sums: two convolutions, one of which works channel by channel, added.
Network residual() {
  test::Random random(5);
  Network network;
  network.name = "residual";
  const auto add = [&](LayerKind kind, std::vector<int> inputs, int channels, int groups,
                       int kernel, int stride, const std::string& name) {
    Layer layer;
    layer.name = name;
    layer.kind = kind;
    layer.inputs = std::move(inputs);
    layer.input = layer.inputs[0] == 0 ? Shape{32, 32, 3} : network.shape(layer.inputs[0]);
    layer.input_format =
        layer.inputs[0] == 0 ? fixed_point_format : network.format(layer.inputs[0]);
    layer.output_format = full_format(8);
    layer.groups = groups;
    layer.kernel = kernel;
    layer.stride = stride;
    if (layer.has_weights()) layer.weight_format = full_format(8);
    layer.accumulator_output = kind == LayerKind::dense;
    if (kind == LayerKind::add) {
      for (const int tensor : layer.inputs) {
        layer.tables.push_back({network.format(tensor), {}});
        for (int code = 0; code < 256; ++code) {
          layer.tables.back().values.push_back(code < 128 ? code : code - 256);
        }
      }
    }
    layer.output.channels = channels;
    layer.output = layer.kind->output(layer, "residual");
    test::fill_graph_parameters(layer, random);
    network.add(std::move(layer));
  };
  add(LayerKind::convolution, {0}, 8, 1, 4, 4, "layer0");
  add(LayerKind::convolution, {1}, 8, 1, 1, 1, "layer1");
  add(LayerKind::convolution, {1}, 8, 8, 1, 1, "layer2");
  add(LayerKind::add, {2, 3}, 8, 1, 1, 1, "add0");
  add(LayerKind::average_pool, {4}, 8, 1, 8, 8, "pool0");
  add(LayerKind::dense, {5}, 10, 1, 1, 1, "layer3");
  validate(network, "residual");
  return network;
}

}  // namespace

TEST_CASE("a graph is simulated, broken, asked about and explored on a loopback array") {
  const Session s;
  const std::string model = s.file("residual.h5");
  write_model(model, residual());
  const std::string on = " " + model + " --accelerator loopback:4x8" + s.data() + " ";
  const auto simulated = json_of(
      s, "sim" + on +
             "--images 2 --fault 'array/pe[1]/accumulator[5]=1' --fault "
             "'array/pe[0]/weight[2][1][6]=1' --fault 'activations/buffer[1]/data[9][7]=1'");
  CHECK(simulated["agrees_with_reference"] == true);
  const auto timing = json_of(s, "sim " + model + " --accelerator loopback:4x8 --timing-only");
  CHECK(timing["first_image_cycles"] == simulated["first_image_cycles"]);
  const auto trace = s.file("trace.json");
  json_of(s, "sim" + on + "--images 1 --trace " + trace);
  CHECK_THAT(test::read_bytes(trace), Catch::Contains("layer2"));
  json_of(s, "campaign" + on + "--images 3 --faults pe -o " + s.file("c.h5"));
  const std::string chips = s.file("chips.h5");
  json_of(s, "faults new --model " + model +
                 " --accelerator loopback:4x8 --sites "
                 "buffer/activation --rate 0.001 --chips 2 --seed 5 -o " +
                 chips);
  json_of(s, "faults lower " + chips + " --model " + model + " --accelerator loopback:4x8");
  json_of(s, "whatif" + on +
                 "--images 5 --simulate 1 --fault 'activations/buffer[0]/data[7][6]=0' -o " +
                 s.file("w.html"));
  json_of(s, "explore " + model + " --arrays 4x8,8x8 --clock 100 --worst-case --images 3" +
                 s.data() + " -o " + s.file("e.h5") + " --csv " + s.file("e.csv"));
  CHECK_THAT(test::read_bytes(s.file("e.csv")), Catch::Contains("array/pe["));
}

TEST_CASE("a graph is simulated, broken, asked about and explored on a dataflow accelerator") {
  const Session s;
  const std::string model = s.file("residual.h5"),
                    auto_folding = " --accelerator dataflow:auto:500";
  write_model(model, residual());
  const std::string on = " " + model + auto_folding + s.data() + " ";
  const auto simulated = json_of(
      s, "sim" + on +
             "--images 3 --fault 'layer1/mvtu/pe[0]/accumulator[5]=1' --fault "
             "'layer2/mvtu/pe[0]/weight[0][0][6]=1' --fault 'add0/out/wire[3]=1' --fault "
             "'layer1/in0/slot[2][5]=0' --fault 'layer0/sliding_window/cell[0][3][0][2]=1'");
  CHECK(simulated["agrees_with_reference"] == true);
  const auto timing = json_of(s, "sim " + model + auto_folding + " --timing-only");
  CHECK(timing["first_image_cycles"] == simulated["first_image_cycles"]);
  const auto trace = s.file("trace.json");
  json_of(s, "sim" + on + "--images 1 --trace " + trace);
  CHECK_THAT(test::read_bytes(trace), Catch::Contains("layer0/fork"));
  json_of(s, "campaign" + on + "--images 3 --faults pe -o " + s.file("c.h5"));
  json_of(s, "whatif" + on + "--images 5 --simulate 1 --fault 'layer1/mvtu/pe[0]/dead=1' -o " +
                 s.file("w.html"));
  json_of(s, "explore " + model + " --foldings 2 --fifo given,smallest --worst-case --images 3" +
                 s.data() + " -o " + s.file("e.h5") + " --csv " + s.file("e.csv"));
  CHECK_THAT(test::read_bytes(s.file("e.csv")), Catch::Contains("/mvtu/pe["));
}
