// A device, its memory and a host in one simulation, the same for every kind of accelerator:
// DataflowKind, LoopbackKind and SystolicKind say what differs.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "faultmaps/systolic_sites.h"
#include "faultmaps/weight_memory.h"
#include "models/cosim/blank_parameters.h"
#include "models/cosim/dataflow_device_module.h"
#include "models/cosim/loopback_device_module.h"
#include "models/cosim/systolic_device_module.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "models/loopback/stored_tiles.h"
#include "models/memory/stored_tensor.h"
#include "models/systolic/simulation.h"
#include "models/systolic/stored_tiles.h"
#include "tests/cosim/bus.h"
#include "tests/models/dataflow/random_accelerator.h"
#include "tests/models/loopback/random_accelerator.h"
#include "tests/support/in_child.h"
#include "tests/support/random_systolic.h"
#include "workloads/errors.h"

namespace stuckat::test {

constexpr uint64_t images_at = 0x1000, results_at = 0x20000, parameters_at = 0x30000;
constexpr uint64_t memory_bytes = 0x40000;
constexpr uint64_t at(cosim::Register offset) { return static_cast<uint64_t>(offset); }

/// A run as the accelerator's own simulation has it.
struct OwnRun {
  uint64_t first_image = 0, total = 0;
  std::vector<std::vector<int32_t>> logits;  ///< [image][class]
};

template <typename Kind>
struct Workload {
  Network network;
  typename Kind::Accelerator accelerator;
  std::vector<Tensor> images;
  FaultMap faults;
};

template <typename Kind>
struct System;

struct DataflowKind {
  using Accelerator = dataflow::DataflowAccelerator;
  using Device = cosim::DataflowDeviceModule;

  static Accelerator random_accelerator(Random& random, const Network& network) {
    Accelerator accelerator = random_timed_dataflow(random, network);
    accelerator.clock_mhz = 100;
    return accelerator;
  }
  static Placement place(const Accelerator& a, const Network& n) { return dataflow::place(a, n); }
  static std::vector<uint8_t> image_bytes(const Workload<DataflowKind>& w, const Tensor& image) {
    const auto words = dataflow::build_chain(w.accelerator, w.network).streams[0];
    return dataflow::image_bytes(image, w.network.layers.front().input_format,
                                 words.words_per_image, words.word_bits());
  }
  static OwnRun simulate(const Workload<DataflowKind>& w) {
    const auto result = dataflow::simulate(w.network, w.accelerator, w.faults, w.images);
    return {static_cast<uint64_t>(result.arrival_cycles.front()),
            static_cast<uint64_t>(result.arrival_cycles.back()), result.logits};
  }
  static std::optional<uint64_t> bus_cycle(const Accelerator&, uint64_t, uint64_t, unsigned) {
    return {};  // the simulation's memory has no latency
  }
  static uint64_t weights_read(const Workload<DataflowKind>&) { return 0; }
  static SiteKind transient_site() { return SiteKind::pe_accumulator; }
  static void set_bursts(Workload<DataflowKind>&, int64_t) {}
  static void put_parameters(System<DataflowKind>& system, const Workload<DataflowKind>& w,
                             const Network& network);
  static void connect(System<DataflowKind>& system);
};

struct LoopbackKind {
  using Accelerator = loopback::LoopbackAccelerator;
  using Device = cosim::LoopbackDeviceModule;

  static Accelerator random_accelerator(Random& random, const Network& network) {
    return random_loopback(random, network);
  }
  static Placement place(const Accelerator& a, const Network& n) { return loopback::place(a, n); }
  static std::vector<uint8_t> image_bytes(const Workload<LoopbackKind>& w, const Tensor& image) {
    return memory::stored_tensor(w.network, 0, image);
  }
  static OwnRun simulate(const Workload<LoopbackKind>& w) {
    const auto result = loopback::simulate(w.network, w.accelerator, w.faults, w.images);
    return {static_cast<uint64_t>(result.first_image_cycles),
            static_cast<uint64_t>(result.total_cycles), result.logits};
  }
  /// The cycle of the last byte on the bus of FORMAT.md, which was free in cycle `free`.
  static std::optional<uint64_t> bus_cycle(const Accelerator& a, uint64_t free, uint64_t request,
                                           unsigned bytes) {
    const auto width = static_cast<uint64_t>(a.memory.bytes_per_cycle);
    return std::max(free, request + static_cast<uint64_t>(a.memory.latency_cycles)) +
           (bytes + width - 1) / width;
  }
  static uint64_t weights_read(const Workload<LoopbackKind>& w) {
    return static_cast<uint64_t>(loopback::make_plan(w.accelerator, w.network).weight_bytes());
  }
  static SiteKind transient_site() { return SiteKind::pe_accumulator; }
  static void set_bursts(Workload<LoopbackKind>& w, int64_t bytes) {
    w.accelerator.memory.burst_bytes = bytes;
  }
  static void put_parameters(System<LoopbackKind>& system, const Workload<LoopbackKind>& w,
                             const Network& network);
  static void connect(System<LoopbackKind>&) {}
};

struct SystolicKind {
  using Accelerator = systolic::SystolicAccelerator;
  using Device = cosim::SystolicDeviceModule;

  static Accelerator random_accelerator(Random& random, const Network&) {
    static const std::string schedules[] = {"ws-double-buffered", "ws-overlapped", "ws-serial",
                                            "os-drain", "os-multiply"};
    return random_systolic(random, schedules[uniform(random, 0, 4)]);
  }
  static Placement place(const Accelerator& a, const Network& n) { return systolic::place(a, n); }
  static std::vector<uint8_t> image_bytes(const Workload<SystolicKind>& w, const Tensor& image) {
    return memory::stored_tensor(w.network, 0, image);
  }
  static OwnRun simulate(const Workload<SystolicKind>& w) {
    const auto result = systolic::simulate(w.network, w.accelerator, w.faults, w.images, {});
    return {static_cast<uint64_t>(result.first_image_cycles),
            static_cast<uint64_t>(result.total_cycles), result.logits};
  }
  /// As loopback's, if there is one: else memory answers at once.
  static std::optional<uint64_t> bus_cycle(const Accelerator& a, uint64_t free, uint64_t request,
                                           unsigned bytes) {
    if (!a.memory) return {};
    const auto width = static_cast<uint64_t>(a.memory->bytes_per_cycle);
    return std::max(free, request + static_cast<uint64_t>(a.memory->latency_cycles)) +
           (bytes + width - 1) / width;
  }
  static uint64_t weights_read(const Workload<SystolicKind>& w) {
    uint64_t sum = 0;
    for (const auto& layer : systolic::make_plan(w.accelerator, w.network).layers) {
      sum += static_cast<uint64_t>(layer.fetched_bytes);
    }
    return sum;
  }
  static SiteKind transient_site() { return systolic_kinds().b; }
  static void set_bursts(Workload<SystolicKind>& w, int64_t bytes) {
    if (w.accelerator.memory) w.accelerator.memory->burst_bytes = bytes;
  }
  static void put_parameters(System<SystolicKind>& system, const Workload<SystolicKind>& w,
                             const Network& network);
  static void connect(System<SystolicKind>&) {}
};

template <typename Kind>
Workload<Kind> random_workload(uint64_t seed, bool faulty) {
  Random random(seed);
  systolic_kinds();
  weight_memory_kinds();
  Workload<Kind> w{random_network(random), {}, {}, {}};
  w.accelerator = Kind::random_accelerator(random, w.network);
  for (int i = 0; i < 4; ++i) w.images.push_back(random_image(random, w.network));
  const Placement placement = Kind::place(w.accelerator, w.network);
  w.faults.accelerator = placement.accelerator;
  for (int i = 0; i < 3 && faulty; ++i) {
    const auto& rows = site_table();
    const SiteKind kind =
        rows[static_cast<size_t>(uniform(random, 0, static_cast<int>(rows.size()) - 1))].kind;
    const int64_t count = count_faults(kind, placement, w.network);
    if (count == 0) continue;
    w.faults.faults.push_back(fault_at(
        kind, static_cast<int64_t>(random() % static_cast<uint64_t>(count)), placement, w.network));
    FaultMap checked = w.faults;
    try {
      validate(checked, placement, w.network, "random");
      lower(checked, placement, w.network);
    } catch (const InputError&) {
      w.faults.faults.pop_back();
    }
  }
  return w;
}

/// What writes the parameters of an accelerator that has a socket for them.
struct ParameterBus : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<ParameterBus> socket{"socket"};
  explicit ParameterBus(const sc_core::sc_module_name& name) : sc_module(name) {}
};

template <typename Kind>
struct System {
  typename Kind::Device device;
  TestMemory memory;
  Host host;
  std::unique_ptr<ParameterBus> parameters;  // null where they are fetched
  sc_core::sc_signal<bool> interrupt;

  explicit System(const Workload<Kind>& w, const cosim::DeviceParams& params = {},
                  bool blank = true)
      : device("device", blank ? cosim::without_parameters(w.network) : w.network, w.accelerator,
               w.faults, params),
        memory("memory", memory_bytes),
        host("host") {
    host.registers.bind(device.registers);
    device.memory_socket().bind(memory.socket);
    device.interrupt(interrupt);
    host.interrupt(interrupt);
    Kind::connect(*this);
  }
  /// The memory that the accelerator's own simulation has.
  void use_its_own_memory(const Workload<Kind>& w) {
    if (!Kind::bus_cycle(w.accelerator, 0, 0, 1)) return;
    memory.bus = [accelerator = w.accelerator, free = uint64_t{0}](const sc_core::sc_time& request,
                                                                   unsigned bytes) mutable {
      const uint64_t period = sc_core::sc_time(10, sc_core::SC_NS).value();
      free = *Kind::bus_cycle(accelerator, free, request.value() / period, bytes);
      return sc_core::sc_time::from_value(free * period);
    };
  }
  void run(const std::function<void(Host&)>& program) {
    host.program = program;
    sc_core::sc_start();
  }
  void put(uint64_t address, const std::vector<uint8_t>& bytes) {
    std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<long>(address));
  }
};

inline void DataflowKind::connect(System<DataflowKind>& system) {
  system.parameters = std::make_unique<ParameterBus>("parameters");
  system.parameters->socket.bind(system.device.parameters.socket);
}
inline void DataflowKind::put_parameters(System<DataflowKind>& system,
                                         const Workload<DataflowKind>&, const Network& network) {
  auto bytes = cosim::parameter_bytes(network);
  system.host.transport(system.parameters->socket, tlm::TLM_WRITE_COMMAND, 0, bytes.data(),
                        static_cast<unsigned>(bytes.size()));
}
inline void LoopbackKind::put_parameters(System<LoopbackKind>& system,
                                         const Workload<LoopbackKind>& w, const Network& network) {
  system.put(parameters_at, loopback::stored_tiles(w.accelerator, network));
}

inline void SystolicKind::put_parameters(System<SystolicKind>& system,
                                         const Workload<SystolicKind>& w, const Network& network) {
  system.put(parameters_at, systolic::stored_tiles(w.accelerator, network));
}

template <typename Kind>
void put_images(System<Kind>& system, const Workload<Kind>& w) {
  uint64_t address = images_at;
  for (const Tensor& image : w.images) {
    const auto bytes = Kind::image_bytes(w, image);
    system.put(address, bytes);
    address += bytes.size();
  }
}

/// Everything that a run of `images` images needs, but for the start.
inline void set_up(Host& host, uint32_t images) {
  host.write(at(cosim::Register::image_count), images);
  host.write(at(cosim::Register::image_address), images_at);
  host.write(at(cosim::Register::result_address), results_at);
  // Of no meaning to a dataflow accelerator, which says so by its response.
  host.write(at(cosim::Register::parameter_address), parameters_at);
}
inline tlm::tlm_response_status start(Host& host, uint32_t images) {
  set_up(host, images);
  return host.write(at(cosim::Register::control), cosim::control_start | cosim::control_interrupt);
}
inline void acknowledge(Host& host) {
  host.write(at(cosim::Register::status), cosim::status_done | cosim::status_error);
  host.wait(sc_core::SC_ZERO_TIME);
  host.wait(sc_core::SC_ZERO_TIME);
}
/// A run that failed may still have something to end.
inline void wait_while_busy(Host& host) {
  while ((host.read(at(cosim::Register::status)) & cosim::status_busy) != 0) {
    host.wait(sc_core::sc_time(100, sc_core::SC_NS));
  }
}

inline std::string differs(const char* what, uint64_t got, uint64_t expected) {
  if (got == expected) return "";
  return std::string(what) + " " + std::to_string(got) + ", expected " + std::to_string(expected) +
         "; ";
}

/// What memory holds of image `image` of a run.
template <typename Kind>
std::vector<int32_t> result_of(const System<Kind>& system, const Workload<Kind>& w, size_t image) {
  std::vector<int32_t> logits(static_cast<size_t>(w.network.classes()));
  const size_t bytes = 4 * logits.size();
  std::memcpy(logits.data(), system.memory.bytes.data() + results_at + image * bytes, bytes);
  return logits;
}

/// "" if results of `count` images, the first of which is image `first` of the device's life, are
/// what the reference computes.
template <typename Kind>
std::string check_results(const System<Kind>& system, const Workload<Kind>& w, int64_t first,
                          size_t count) {
  const Effects effects = lower(w.faults, Kind::place(w.accelerator, w.network), w.network);
  for (size_t i = 0; i < count; ++i) {
    const auto expected =
        reference::run(w.network, w.images[i], effects, first + static_cast<int64_t>(i));
    if (result_of(system, w, i) != expected.back().values) {
      std::string faults;
      for (const Fault& fault : w.faults.faults) faults += " " + name(fault);
      return "result " + std::to_string(i) + " differs with" + faults + "; ";
    }
  }
  return "";
}

}  // namespace stuckat::test
