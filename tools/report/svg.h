// Text and vector drawing for the report: escaping, numbers, and one SVG picture. Colours are CSS
// classes only, so that a picture follows the page's light or dark scheme.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat::report {

/// Text as it may stand in HTML and in attributes: markup characters as entities, bytes that are
/// no UTF-8 and control characters as U+FFFD.
std::string escape(std::string_view text);

/// "84.57"; the same in every locale, never "-0.00".
std::string fixed(double value, int decimals);

/// Coordinate in a picture: one decimal, none if it is zero.
std::string coordinate(double value);

/// "32,768".
std::string grouped(int64_t value);

/// "1 image", "2,000 images".
std::string count_of(int64_t count, const std::string& noun);

/// At most `characters` characters, the middle replaced by an ellipsis.
std::string shortened(std::string_view text, int characters);

/// A marker's outline around (x, y) as SVG path data; four shapes, then they repeat.
std::string marker_path(int shape, double x, double y, double radius);

enum class Anchor : uint8_t { start, middle, end };

/// One <svg> with a viewBox. Tips are <title> elements: browsers show them without a script.
class Drawing {
 public:
  /// `description` is for screen readers.
  Drawing(double width, double height, std::string_view description);

  void rectangle(double x, double y, double width, double height, std::string_view css_class,
                 std::string_view tip = {});
  void line(double x1, double y1, double x2, double y2, std::string_view css_class);
  /// Text and tips are escaped here.
  void text(double x, double y, std::string_view text, std::string_view css_class,
            Anchor anchor = Anchor::start, std::string_view tip = {});
  /// Turned by 90 degrees to the left around (x, y), centred there.
  void vertical_text(double x, double y, std::string_view text, std::string_view css_class);
  void path(std::string_view data, std::string_view css_class, std::string_view tip = {});
  /// Dots "M x y h0..." that a script lets one ask for their `names`, with the pointer and with the
  /// arrow keys; no names: dots alone.
  void dots(std::string_view data, std::string_view css_class,
            const std::vector<std::string>& names);
  void marker(int shape, double x, double y, double radius, std::string_view css_class,
              std::string_view tip = {});

  /// The finished element.
  std::string str() const { return text_ + "</svg>\n"; }

 private:
  void finish(std::string_view element, std::string_view tip);

  std::string text_;
};

/// The drawing as a file of its own, with its style inside.
std::string standalone(const Drawing& drawing, std::string_view style);

}  // namespace stuckat::report
