// Ctrl-C and SIGTERM, for commands whose work is long.
#pragma once

namespace stuckat::cli {

/// From here on they end no process: they are remembered, so that work stops where it loses
/// nothing.
void catch_interrupts();
bool interrupted();

}  // namespace stuckat::cli
