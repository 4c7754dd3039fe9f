// Ctrl-C and SIGTERM, for commands whose work is long.
#pragma once

namespace stuckat::cli {

/// From here on they end no process: they are remembered, so that work stops where it loses
/// nothing.
void catch_interrupts();
bool interrupted();
/// Of a command that one of them stopped: 130 for Ctrl-C, 143 for SIGTERM, as shells have it.
int interrupted_exit_code();

}  // namespace stuckat::cli
