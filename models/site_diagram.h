// Where the fault sites of a family's accelerators are, as a drawing: blocks along the data path,
// and one PE in detail, which every family has. Sizes are those of the picture, 980 wide.
#pragma once

#include <string>
#include <vector>

namespace stuckat {

struct SiteDiagram {
  struct Block {
    std::string title;  ///< one that says "PE" is where the PEs are
    std::string more;   ///< a second line, may be empty
    std::string sites;  ///< "stream/": sites whose names begin so stand below it; or empty
    double left = 0;
    double width = 0;
  };
  std::string title;
  std::string legend;
  std::vector<Block> blocks;  ///< from left to right
};

}  // namespace stuckat
