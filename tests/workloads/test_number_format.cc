#include "tests/support/catch.h"
#include "workloads/errors.h"
#include "workloads/number_format.h"

using namespace stuckat;

TEST_CASE("every level of every format survives its code, and no code has bits to spare") {
  for (const NumberFormat& format : all_number_formats()) {
    INFO(format.name());
    for (int i = 0; i < format.levels(); ++i) {
      const int value = format.level(i);
      CHECK(format.value(format.code(value)) == value);
      CHECK(format.code(value) < (1u << format.bits));
      if (i > 0) CHECK(format.level(i) > format.level(i - 1));
    }
    CHECK(format.level(0) == format.min_level());
    CHECK(format.level(format.levels() - 1) == format.max_level());
    CHECK(parse_number_format(format.name(), "test") == format);
  }
}

TEST_CASE("the 1-bit code 1 is +1, and a broken narrow code can mean the missing level") {
  CHECK(binary_format.value(1) == 1);
  CHECK(binary_format.value(0) == -1);
  CHECK(signed_format(2).value(0b10) == -2);
  CHECK(signed_format(2).min_level() == -1);
  CHECK(signed_format(2).min_value() == -2);
  CHECK(signed_format(2).thresholds() == 2);
  CHECK(unsigned_format(2).thresholds() == 3);
  CHECK_THROWS_AS(parse_number_format("int9", "test"), InputError);
}

TEST_CASE("a register holds the low bits, unsigned or as two's complement") {
  CHECK(read_register(0x1f, 4, true) == 15);
  CHECK(read_register(0x1f, 4, false) == -1);
  CHECK(read_register(0x17, 4, false) == 7);
  CHECK(read_register(0x18, 4, false) == -8);
  CHECK(read_register(1, 1, false) == -1);
  CHECK(read_register(0x40000000, 31, false) == -(1 << 30));
  CHECK(read_register(0x80000001, 32, false) == -INT32_MAX);
  CHECK(read_register(0xffffffff, 32, true) == -1);
}

TEST_CASE("pixels become fixed point as in the BNN-PYNQ host code") {
  CHECK(fixed_point_from_pixel(0) == -128);
  CHECK(fixed_point_from_pixel(255) == 127);  // 128 is clipped
  CHECK(fixed_point_from_pixel(127) == -1);   // 256*127/255 = 127.498
  CHECK(fixed_point_from_pixel(128) == 1);    // 256*128/255 = 128.502
}

TEST_CASE("a misspelt name gets the nearest one suggested") {
  CHECK(nearest_name("chanel", {"pixel", "channel"}) == "channel");
  CHECK(nearest_name("--fold", {"--help", "--foldings"}) == "--foldings");
  CHECK(nearest_name("zzzzzzzz", {"pixel", "channel"}).empty());
  CHECK_THROWS_WITH(throw_unknown_name("--faults", "fault list", "chanel", {"pixel", "channel"}),
                    "--faults: unknown fault list 'chanel', did you mean 'channel'?, expected one "
                    "of pixel channel");
}
