#include "models/dataflow/family.h"
#include "models/family.h"
#include "models/loopback/family.h"
#include "models/systolic/family.h"

namespace stuckat {

Families built_in_families() { return Families({dataflow::family(), loopback::family(), systolic::family()}); }

}  // namespace stuckat
