// The ports of a generated top.  ports.inc, made for it, names its streams, SOURCE(s_axis) and SINK(m_axis), and its
// memory: MEMORY(BITS) of a beat of m_axi, and behind it WRITES(SPAN) where m_axi also writes, up to SPAN bytes from
// its base on.
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
#define PORT(name) ports.memory.name = signal(made.m_axi_##name);
#define MEMORY(bits)                                              \
  ports.memory.bytes = bits / 8;                                  \
  ports.memory.base = signal(made.memory_base_i);                 \
  ports.memory.error = signal(made.error_o);                      \
  PORT(arvalid) PORT(arready) PORT(araddr) PORT(arlen) PORT(arid) \
  PORT(rvalid) PORT(rready) PORT(rid) PORT(rdata) PORT(rresp) PORT(rlast)
#define WRITES(bytes_of_all)                                      \
  ports.memory.span = bytes_of_all;                               \
  PORT(awvalid) PORT(awready) PORT(awaddr) PORT(awlen)            \
  PORT(wvalid) PORT(wready) PORT(wdata) PORT(wstrb) PORT(wlast)   \
  PORT(bvalid) PORT(bready) PORT(bid) PORT(bresp)
#include "ports.inc"
  ports.clock = signal(made.clk_i);
  ports.reset = signal(made.rst_ni);
  ports.eval = [] { made.eval(); };
  ports.finish = [] { made.final(); };
  return ports;
}
