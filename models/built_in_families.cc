#include "models/dataflow/family.h"
#include "models/family.h"
#include "models/loopback/family.h"
#include "models/protected/accelerator.h"
#include "models/systolic/family.h"

namespace stuckat {

Families built_in_families() {
  Families families({dataflow::family(), loopback::family(), systolic::family()});
  families.add(protected_family([others = families](const std::string& name, const Network& n) {
    return others.parse(name, n, "protected");
  }));
  return families;
}

}  // namespace stuckat
