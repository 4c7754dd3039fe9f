#include "models/dataflow/family.h"
#include "models/family.h"
#include "models/loopback/family.h"

namespace stuckat {

Families built_in_families() { return Families({dataflow::family(), loopback::family()}); }

}  // namespace stuckat
