#include "tools/report/svg.h"

#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace stuckat::report {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the UTF-8 character at the front, 0 if there is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
    if (first == 0xED && byte(1) >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first < 0xF5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

/// The character at the front as it may stand in the page.
std::string_view escaped_character(std::string_view character) {
  switch (character[0]) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      break;
  }
  const auto first = static_cast<unsigned char>(character[0]);
  const bool control = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F ||
                       (first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0);
  return control ? replacement : character;
}

std::string attribute(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + coordinate(value) + "\"";
}

std::string css(std::string_view css_class) { return " class=\"" + std::string(css_class) + "\""; }

std::string_view anchor_name(Anchor anchor) {
  constexpr std::array<std::string_view, 3> names = {"start", "middle", "end"};
  return names[static_cast<size_t>(anchor)];
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    result += length == 0 ? replacement : escaped_character(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result;
}

std::string fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 400> buffer = {};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                 std::chars_format::fixed, decimals);
  std::string text(buffer.data(), end.ptr);
  if (text[0] == '-' && text.find_first_of("123456789") == std::string::npos) text.erase(0, 1);
  return text;
}

std::string coordinate(double value) {
  std::string text = fixed(value, 1);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string grouped(int64_t value) {
  std::string text = std::to_string(value);
  const int first = value < 0 ? 1 : 0;
  for (int i = static_cast<int>(text.size()) - 3; i > first; i -= 3) {
    text.insert(static_cast<size_t>(i), ",");
  }
  return text;
}

std::string count_of(int64_t count, const std::string& noun) {
  return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string shortened(std::string_view text, int characters) {
  std::vector<std::string_view> parts;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t length = std::max<size_t>(1, utf8_length(rest));
    parts.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  const auto count = static_cast<size_t>(std::max(characters, 3));
  if (parts.size() <= count) return std::string(text);
  const size_t tail = (count - 1) / 2;
  const size_t head = count - 1 - tail;
  std::string result;
  for (size_t i = 0; i < head; ++i) result += parts[i];
  result += "\xE2\x80\xA6";
  for (size_t i = parts.size() - tail; i < parts.size(); ++i) result += parts[i];
  return result;
}

std::string marker_path(int shape, double x, double y, double radius) {
  const auto point = [&](char command, double dx, double dy) {
    return command + coordinate(x + dx * radius) + " " + coordinate(y + dy * radius);
  };
  switch (shape % 4) {
    case 1:
      return point('M', -0.9, -0.9) + point('L', 0.9, -0.9) + point('L', 0.9, 0.9) +
             point('L', -0.9, 0.9) + "Z";
    case 2:
      return point('M', 0, -1.2) + point('L', 1.1, 0.9) + point('L', -1.1, 0.9) + "Z";
    case 3:
      return point('M', 0, -1.25) + point('L', 1.25, 0) + point('L', 0, 1.25) +
             point('L', -1.25, 0) + "Z";
    default: {
      const std::string arc = "A" + coordinate(radius) + " " + coordinate(radius) + " 0 1 0 ";
      return point('M', -1, 0) + arc + coordinate(x + radius) + " " + coordinate(y) + arc +
             coordinate(x - radius) + " " + coordinate(y) + "Z";
    }
  }
}

Drawing::Drawing(double width, double height, std::string_view description) {
  text_ = "<svg viewBox=\"0 0 " + coordinate(width) + " " + coordinate(height) +
          "\" role=\"img\" aria-label=\"" + escape(description) +
          "\" style=\"--w:" + coordinate(width) + "px\">\n";
}

void Drawing::finish(std::string_view element, std::string_view tip) {
  if (tip.empty()) {
    text_ += "/>\n";
  } else {
    text_ += "><title>" + escape(tip) + "</title></" + std::string(element) + ">\n";
  }
}

void Drawing::rectangle(double x, double y, double width, double height, std::string_view css_class,
                        std::string_view tip) {
  text_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
           attribute("height", height) + css(css_class);
  finish("rect", tip);
}

void Drawing::line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  text_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) +
           attribute("y2", y2) + css(css_class) + "/>\n";
}

void Drawing::text(double x, double y, std::string_view text, std::string_view css_class,
                   Anchor anchor, std::string_view tip) {
  text_ += "<text" + attribute("x", x) + attribute("y", y) + css(css_class) + " text-anchor=\"" +
           std::string(anchor_name(anchor)) + "\">" + escape(text);
  if (!tip.empty()) text_ += "<title>" + escape(tip) + "</title>";
  text_ += "</text>\n";
}

void Drawing::vertical_text(double x, double y, std::string_view text, std::string_view css_class) {
  text_ += "<text transform=\"translate(" + coordinate(x) + " " + coordinate(y) +
           ") rotate(-90)\"" + css(css_class) + " text-anchor=\"middle\">" + escape(text) +
           "</text>\n";
}

void Drawing::path(std::string_view data, std::string_view css_class, std::string_view tip) {
  text_ += "<path d=\"" + std::string(data) + "\"" + css(css_class);
  finish("path", tip);
}

void Drawing::dots(std::string_view data, std::string_view css_class,
                   const std::vector<std::string>& names) {
  text_ += "<path d=\"" + std::string(data) + "\"" + css(css_class);
  if (!names.empty()) {
    text_ += " tabindex=\"0\" role=\"img\" aria-label=\"" +
             grouped(static_cast<int64_t>(names.size())) +
             " faults: arrow keys go through them, worst first\" data-n=\"";
    for (size_t i = 0; i < names.size(); ++i) text_ += (i > 0 ? "|" : "") + escape(names[i]);
    text_ += "\"";
  }
  finish("path", {});
}

void Drawing::marker(int shape, double x, double y, double radius, std::string_view css_class,
                     std::string_view tip) {
  path(marker_path(shape, x, y, radius), css_class, tip);
}

std::string standalone(const Drawing& drawing, std::string_view style) {
  std::string text = drawing.str();
  const size_t end = text.find(">\n");
  return text.insert(end + 1, "<style>" + std::string(style) + "</style>")
      .insert(4, " xmlns=\"http://www.w3.org/2000/svg\"");
}

}  // namespace stuckat::report
