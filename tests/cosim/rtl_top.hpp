// What rtl_main.cpp knows of a design, so that it is compiled once for all of them; rtl_top.cpp makes one of these.
#ifndef RTL_TOP_HPP
#define RTL_TOP_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

// A port as Verilator has it: a number of 1, 2, 4 or 8 bytes, or an array of words, the lowest first.
struct Signal {
  void* data = nullptr;
  size_t bytes = 0;

  uint64_t get() const {
    uint64_t value = 0;
    std::memcpy(&value, data, bytes < 8 ? bytes : 8);
    return value;
  }
  void set(uint64_t value) const {
    std::memset(data, 0, bytes);
    std::memcpy(data, &value, bytes < 8 ? bytes : 8);
  }
};

struct Stream {
  const char* name;
  Signal data, valid, ready, last;
};

// A port to the external memory, in the order of AXI4's channels.
struct MemoryPort {
  bool writes = false;
  Signal arvalid, arready, araddr, arlen, arid;
  Signal rvalid, rready, rid, rdata, rresp, rlast;
  Signal awvalid, awready, awaddr, awlen;
  Signal wvalid, wready, wdata, wstrb, wlast;
  Signal bvalid, bready, bid, bresp;
};

// The external memory: its ports, and what belongs to all of them.
struct MemoryPorts {
  unsigned bytes = 0;  // of a beat
  size_t span = 0;     // bytes of what is read and what is written; 0: nothing is written
  Signal base, error;
  std::vector<MemoryPort> ports;  // none: there is no such memory
};

struct Top {
  std::vector<Stream> sources, sinks;
  MemoryPorts memory;
  Signal clock, reset;
  void (*eval)();
  void (*finish)();
};

// The design; lives until the process ends.
Top& top();

#endif
