#include <png.h>

#include <random>

#include "tests/support/catch.h"
#include "tools/report/png.h"
#include "tools/report/whatif.h"

using namespace stuckat;
using namespace stuckat::report;

namespace {

/// Five images of class 0 with a change of every kind.
struct Demo {
  Demo() {
    data.name = "<demo>";
    data.shape = {1, 2, 1};
    data.classes = 3;
    data.pixels.assign(10, 128);
    data.labels = {0, 0, 0, 0, 0};
    WhatIfCase c;
    c.label = "A";
    c.accelerator = "loopback:1x1";
    c.faults = {{"array/pe[0]/dead=-1", {"channel 0 of <layer0> stuck at -1"}, ""}};
    c.before = {1, 1, 0, 0, 2};
    c.now = {2, 0, 0, 1, 2};  // other, repaired, unchanged, broken, unchanged
    TensorChange logits;
    logits.name = "layer0";
    logits.shape = {1, 1, 3};
    logits.examined = 5;
    logits.channels = {2, 0, 1};
    logits.pixels = {3};
    logits.last = 4;
    c.tensors = {logits};
    c.untouched = 1;
    what_if.class_names = {"zero", "one", "two"};
    what_if.cases = {c};
  }
  DataSet data;
  WhatIf what_if;
};

}  // namespace

TEST_CASE("a picture comes back from its PNG, pixel by pixel") {
  std::mt19937 random(3);
  for (const int channels : {1, 3}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(7 * 5 * channels));
    for (auto& p : pixels) p = static_cast<uint8_t>(random());
    const std::string bytes = png(pixels.data(), 7, 5, channels);
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    REQUIRE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) != 0);
    CHECK(image.height == 7);
    CHECK(image.width == 5);
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    std::vector<uint8_t> back(PNG_IMAGE_SIZE(image));
    REQUIRE(png_image_finish_read(&image, nullptr, back.data(), 0, nullptr) != 0);
    CHECK(back == pixels);
  }
  CHECK_THROWS(png(nullptr, 1, 1, 2));
  CHECK(png_address("Man") == "data:image/png;base64,TWFu");
  CHECK(png_address("Ma") == "data:image/png;base64,TWE=");
}

TEST_CASE("changes are counted by what they did, and what broke comes first") {
  const Demo demo;
  const WhatIfCounts n = counts(demo.what_if.cases[0], demo.data);
  CHECK(n.images == 5);
  CHECK(n.right_before == 2);
  CHECK(n.right_now == 2);
  CHECK(n.changed == 3);
  CHECK(n.broken == 1);
  CHECK(n.repaired == 1);
  CHECK(n.other == 1);
  CHECK(n.masked == 1);
  CHECK(changed_images(demo.what_if, demo.data) == std::vector<int>{3, 1, 0});
  CHECK(demo.what_if.cases[0].tensors[0].share() == Approx(0.2));
  CHECK(demo.what_if.cases[0].tensors[0].channel_share(0) == Approx(0.4));
  CHECK(demo.what_if.cases[0].tensors[0].pixel_share(0) == Approx(0.2));
}

TEST_CASE("the what-if page shows every changed image and escapes what it is given") {
  Demo demo;
  const std::string page = html(demo.what_if, demo.data);
  size_t pictures = 0;
  for (size_t at = 0; (at = page.find("<img", at)) != std::string::npos; ++at) ++pictures;
  CHECK(pictures == 3);
  CHECK_THAT(page, Catch::Contains("&lt;demo&gt;") && !Catch::Contains("<demo>") &&
                       Catch::Contains("&lt;layer0&gt;") && Catch::Contains("zero"));
  demo.what_if.cases.push_back(demo.what_if.cases[0]);
  demo.what_if.cases[1].label = "B";
  demo.what_if.cases[1].now = {0, 0, 0, 0, 0};
  const auto sentences = summary(demo.what_if, demo.data);
  REQUIRE(sentences.size() == 3);
  CHECK_THAT(sentences[2], Catch::Contains("B is right on 3 images more than A: 0 only A gets "
                                           "right, 3 only B"));
}
