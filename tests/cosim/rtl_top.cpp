// The ports of a generated top.  ports.inc, made for it, names its streams, SOURCE(s_axis) and SINK(m_axis), and its
// memory: MEMORY(BITS, SPAN) of a beat of a port, and the bytes from its base to the end of what is written, 0 where
// nothing is; then READS(m_axi) for each port, and behind it WRITES(m_axi) where that also writes.
#include "rtl_top.hpp"

#include "Vtop.h"
#include "verilated.h"

template <typename T>
static Signal signal(T& port) {
  return {&port, sizeof port};
}

Top& top() {
  static VerilatedContext context;
  static Vtop made{&context};
  static Top ports;
#define STREAM(port)                                             \
  {#port, signal(made.port##_tdata), signal(made.port##_tvalid), \
   signal(made.port##_tready), signal(made.port##_tlast)}
#define SOURCE(port) ports.sources.push_back(STREAM(port));
#define SINK(port) ports.sinks.push_back(STREAM(port));
#define MEMORY(bits, bytes_of_all)                \
  ports.memory.bytes = bits / 8;                  \
  ports.memory.span = bytes_of_all;               \
  ports.memory.base = signal(made.memory_base_i); \
  ports.memory.error = signal(made.error_o);
#define PORT(axi, name) ports.memory.ports.back().name = signal(made.axi##_##name);
#define READS(axi)                                                                         \
  ports.memory.ports.emplace_back();                                                       \
  PORT(axi, arvalid) PORT(axi, arready) PORT(axi, araddr) PORT(axi, arlen) PORT(axi, arid) \
  PORT(axi, rvalid) PORT(axi, rready) PORT(axi, rid) PORT(axi, rdata) PORT(axi, rresp) PORT(axi, rlast)
#define WRITES(axi)                                                                        \
  ports.memory.ports.back().writes = true;                                                 \
  PORT(axi, awvalid) PORT(axi, awready) PORT(axi, awaddr) PORT(axi, awlen)                 \
  PORT(axi, wvalid) PORT(axi, wready) PORT(axi, wdata) PORT(axi, wstrb) PORT(axi, wlast)   \
  PORT(axi, bvalid) PORT(axi, bready) PORT(axi, bid) PORT(axi, bresp)
#include "ports.inc"
  ports.clock = signal(made.clk_i);
  ports.reset = signal(made.rst_ni);
  ports.eval = [] { made.eval(); };
  ports.finish = [] { made.final(); };
  return ports;
}
