// JSON from strangers: bounded, each key once, numbers within ranges before anything counts with
// them.

#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/json_file.h"

using namespace stuckat;
using Catch::Contains;
using test::refusal;

namespace {

std::string told(const std::string& text) {
  return refusal([&] { parse_json(text, "f.json"); });
}

std::string nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

}  // namespace

TEST_CASE("a document is as deep as it may be, and not deeper") {
  CHECK(told(nested(deepest_json)) == "accepted");
  CHECK_THAT(told(nested(deepest_json + 1)), Contains("f.json: JSON that is nested too deeply"));
  CHECK_THAT(told(nested(1'000'000)), Contains("nested too deeply"));
  CHECK_THAT(told(std::string(1'000'000, '[')), Contains("nested too deeply"));
  std::string objects;
  for (int i = 0; i < 300'000; ++i) objects += "{\"a\":";
  CHECK_THAT(told(objects), Contains("nested too deeply"));
}

TEST_CASE("a document is as large as it may be, and not larger") {
  const std::string text = "[1, 2, 3]";
  CHECK_NOTHROW(parse_json(text, "f", text.size()));
  CHECK_THROWS_WITH(parse_json(text, "f", text.size() - 1), Contains("expected at most 8"));
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "a.json", text);
  CHECK(read_json_file(folder / "a.json").size() == 3);
  CHECK_THROWS_WITH(read_json_file(folder / "a.json", 5), Contains("expected at most 5"));
  CHECK_THROWS_WITH(read_json_file(folder.path().string()), Contains("cannot be read"));
  CHECK_THROWS_WITH(read_json_file(folder / "b.json"), Contains("cannot be read"));
}

TEST_CASE("a key that an object has twice is refused, in one another and side by side it is none") {
  CHECK_THAT(told(R"({"a": 1, "b": 2, "a": 1})"), Contains("key 'a' twice"));
  CHECK_THAT(told(R"([{"x": {"b": 1, "c": {}, "b": 1}}])"), Contains("key 'b' twice"));
  CHECK_THAT(told(R"({"a": 1, "\u0061": 1})"), Contains("key 'a' twice"));
  CHECK(told(R"({"a": {"a": 1}, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}]})") == "accepted");
}

TEST_CASE("what is no JSON is one short line, whatever it holds") {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[1,]"), std::string("nul"),
        std::string("1e999"), std::string("\"\xff\""), std::string("{\"a\":1}x"),
        std::string("\"") + std::string(600'000, 'x'), std::string(600'000, 'x')}) {
    const std::string message = told(text);
    CHECK_THAT(message, Contains("f.json: no JSON: ") && Contains("expected one JSON document"));
    CHECK(message.size() < 1000);
    CHECK(message.find('\n') == std::string::npos);
    CHECK_FALSE(json_or_nothing(text));
  }
}

TEST_CASE("a number is in its range before it is one") {
  const Json json = parse_json(
      R"({"zero": 0, "minus": -1, "max": 9223372036854775807, "beyond": 18446744073709551615,
          "real": 1.5, "text": "1", "none": null, "huge": 1e300, "list": [1, 2, -3]})",
      "f");
  const JsonObject object(json, "f");
  CHECK(object.integer("zero", 0, 5) == 0);
  CHECK(object.integer("minus", -1, 5) == -1);
  CHECK(object.integer("max", 0, INT64_MAX) == INT64_MAX);
  CHECK(object.number("real", 0, 2) == 1.5);
  for (const char* key : {"minus", "max", "beyond", "real", "text", "none", "huge", "list"}) {
    CHECK_THROWS_WITH(object.integer(key, 0, 5), Contains("an integer from 0 to 5"));
    CHECK_THROWS_WITH(object.int_of(key, 1, 5), Contains(std::string("'") + key + "' is "));
  }
  CHECK_THROWS_WITH(object.integer("zero", 1, 5), Contains("an integer from 1 to 5"));
  CHECK_THROWS_WITH(object.integer("beyond", INT64_MIN, INT64_MAX),
                    Contains("18446744073709551615"));
  CHECK_THROWS_WITH(object.integer("zero", -9, -1), Contains("an integer from -9 to -1"));
  CHECK_THROWS_WITH(object.number("huge", 0, 100), Contains("a number from 0 to 100"));
  CHECK_THROWS_WITH(object.number("text", 0, 100), Contains("a number from 0 to 100"));
  CHECK_THROWS_WITH(object.integers("list", 0, 5), Contains("an integer from 0 to 5"));
  CHECK_THROWS_WITH(object.texts("list"), Contains("texts"));
  CHECK_THROWS_WITH(object.truth("zero"), Contains("true or false"));
  CHECK_THROWS_WITH(object.text("zero"), Contains("a text"));
  CHECK_THROWS_WITH(object.objects("list"), Contains("list[0]: is 1, expected a JSON object"));
}

TEST_CASE("members that nothing asked for are unknown, and misspelt ones are named") {
  const Json json = parse_json(R"({"images": 1, "faults": 2, "colour": 3})", "f");
  const JsonObject object(json, "f");
  CHECK(object.integer("images", 0, 9) == 1);
  CHECK_THROWS_WITH(object.integer("fault", 0, 9),
                    Contains("unknown key 'faults', did you mean 'fault'"));
  CHECK_THROWS_WITH(object.member("speed"), Contains("f: has no 'speed'"));
  CHECK_THROWS_WITH(object.finish(), Contains("unknown key 'faults'"));
  CHECK(object.has("faults"));
  CHECK_THROWS_WITH(object.finish(), Contains("unknown key 'colour'"));
  CHECK(object.has("colour"));
  CHECK_NOTHROW(object.finish());
  CHECK_THROWS_WITH(JsonObject(json["images"], "f: images"), Contains("f: images: is 1"));
}

TEST_CASE("an error is one line of bounded length, with both ends of what is too long") {
  const std::string message =
      InputError("--name", std::string(600'000, 'a') + "END", "a\nname\x7f").what();
  CHECK(message.size() < 500);
  CHECK_THAT(message,
             Contains("--name: aaa") && Contains("...") && Contains("END, expected a?name?"));
  CHECK(refusal([] {
          throw_unknown_name("x", "key", std::string(600'000, 'b'), {"bb", "c"});
        }).size() < 1000);
}
