// Drives a generated top: rtl_main CYCLES DRAIN SEED IDLE STALL RESET_AT BEATS...
//
// ports.inc, made for the top, names its streams: SOURCE(s_axis) and SINK(m_axis).  SOURCE.hex holds one beat a line.
// IDLE and STALL are the chances, in percent, of a clock without tvalid and without tready, for each port by itself.  At
// clock RESET_AT (0: never) reset is pulled for two clocks and all inputs start again from their first beats.  BEATS are
// wanted from each sink; DRAIN clocks follow the last of them, in which engines consume rows that no output uses and no
// beat may come.  start.txt gets the clock of the first input beat, SINK.txt "cycle last data" per output beat, after
// the last reset.
//
// MEMORY(BITS) in ports.inc: m_axi reads memory.image, which stands from BASE on.  The environment's MEMORY has the clocks
// of its latency, the chance in percent of a clock without a beat or without arready, and which beat is an error (0: none).
// memory.txt gets the beats that were read since the last reset, the clock in which error_o rose (0: never), and the beats
// that were written.  WRITES(SPAN) behind it: m_axi also writes, behind the image, up to SPAN bytes from BASE on; an error
// beat counts both, what is read and what is answered.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

using Words = std::vector<uint32_t>;

static Words parse(const std::string& hex) {
  Words words((hex.size() + 7) / 8 + 1, 0);
  for (size_t n = 0; n < hex.size(); n++) {
    const char digit = hex[hex.size() - 1 - n];
    const uint32_t value = digit <= '9' ? digit - '0' : digit - 'a' + 10;
    words[n / 8] |= value << (4 * (n % 8));
  }
  return words;
}

template <typename T>
static void poke(T& port, const Words& words) {
  uint64_t value = words[0];
  if (words.size() > 1) value |= static_cast<uint64_t>(words[1]) << 32;
  port = static_cast<T>(value);
}
template <size_t N>
static void poke(VlWide<N>& port, const Words& words) {
  for (size_t n = 0; n < N; n++) port[n] = n < words.size() ? words[n] : 0;
}

template <typename T>
static std::string peek(const T& port) {
  char text[32];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(port));
  return text;
}
template <size_t N>
static std::string peek(const VlWide<N>& port) {
  std::string text;
  char word[16];
  for (size_t n = N; n-- > 0;) {
    std::snprintf(word, sizeof word, "%08x", port[n]);
    text += word;
  }
  return text;
}

struct Source {
  std::string name;
  std::vector<Words> beats;
  std::function<void(const Words&)> data;
  std::function<void(bool)> valid;
  std::function<bool()> is_valid, is_ready;
  size_t sent = 0;
};

struct Sink {
  std::string name;
  size_t wanted;
  std::function<void(bool)> ready;
  std::function<bool()> moves;
  std::function<std::string()> beat;
  std::vector<std::string> lines = {};
};

// An external memory behind AXI4; bursts are served in order.
struct Memory {
  static constexpr uint64_t BASE = 0x40000000;
  struct Burst {
    uint64_t address;
    unsigned left, id;
    uint64_t ready_at;
  };
  std::string image;
  unsigned bytes = 0, latency = 0, stall = 0;
  uint64_t error_at = 0, beats = 0, error_rose = 0;
  std::deque<Burst> bursts, writes;
  std::deque<uint64_t> answers;  // clocks from which on bursts are answered
  bool asking = false, telling = false, sending = false;
  Burst asked{}, told{};
  std::string sent;
  bool told_before = false;  // the burst that waits was told before the last reset
  unsigned registered = 0;   // beats of such bursts that may have left their queue before it
  uint64_t written = 0;
  size_t span = 0, fixed = 0;  // bytes of all that is there, and of the image, which nobody writes

  void fail(const char* what) {
    std::fprintf(stderr, "memory: %s\n", what);
    std::exit(3);
  }
  // One request, as it stands at a rising edge.
  void request(bool valid, bool ready, Burst burst, uint64_t cycle) {
    if (asking && !valid) fail("arvalid dropped");
    if (asking && (burst.address != asked.address || burst.left != asked.left || burst.id != asked.id)) {
      fail("a request changed while it waited");
    }
    asking = valid && !ready;
    asked = burst;
    if (!valid || !ready) return;
    const uint64_t size = static_cast<uint64_t>(burst.left) * bytes;
    if (burst.address % bytes || burst.address / 4096 != (burst.address + size - 1) / 4096) fail("a burst crosses 4096 bytes");
    if (burst.address < BASE || burst.address + size > BASE + image.size()) fail("a burst outside of the image");
    burst.ready_at = cycle + 1 + latency;
    bursts.push_back(burst);
  }
  // The same of a burst that is written, and a beat of one: they wait as they are, through a reset too.
  void tell(bool valid, bool ready, Burst burst) {
    if (telling && (!valid || burst.address != told.address || burst.left != told.left)) fail("awvalid or its address changed");
    telling = valid && !ready;
    told = burst;
    if (!valid || !ready) return;
    const uint64_t size = static_cast<uint64_t>(burst.left) * bytes;
    if (burst.address % bytes || burst.address / 4096 != (burst.address + size - 1) / 4096) fail("a burst crosses 4096 bytes");
    if (burst.address < BASE + fixed || burst.address + size > BASE + image.size()) fail("a burst is written outside of the rings");
    burst.id = told_before;
    told_before = false;
    writes.push_back(burst);
  }
  // What was told before a reset is brought to its end, and writes nothing any more.
  void reset() {
    for (Burst& burst : writes) burst.id = 1;
    told_before = telling;
    registered = 1;
  }
  void send(bool valid, bool ready, const Words& data, uint64_t strobe, bool last, uint64_t cycle) {
    std::string now(bytes, 0);
    for (unsigned n = 0; n < bytes; n++) now[n] = static_cast<char>(data[n / 4] >> (8 * (n % 4)));
    if (sending && (!valid || now != sent)) fail("wvalid or wdata changed");
    sending = valid && !ready;
    sent = now;
    if (!valid || !ready) return;
    if (writes.empty()) fail("a beat without a burst");
    Burst& burst = writes.front();
    if (last != (burst.left == 1)) fail("wlast");
    if (burst.id && strobe && registered-- == 0) fail("a burst from before the reset writes");
    for (unsigned n = 0; n < bytes; n++) {
      if (strobe >> n & 1) image[burst.address - BASE + n] = now[n];
    }
    burst.address += bytes;
    written++;
    if (--burst.left == 0) {
      writes.pop_front();
      answers.push_back(cycle + 1 + latency);
    }
  }
  Words beat() const {
    Words words(bytes / 4 + 1, 0);
    const uint64_t at = bursts.front().address - BASE;
    for (unsigned n = 0; n < bytes; n++) words[n / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(image[at + n])) << (8 * (n % 4));
    return words;
  }
};

int main(int argc, char** argv) {
  VerilatedContext context;
  Vtop top{&context};
  std::vector<Source> sources;
  std::vector<Sink> sinks;
#define SOURCE(port)                                                                                        \
  top.port##_tvalid = 0;                                                                                    \
  top.port##_tlast = 0;                                                                                     \
  sources.push_back({#port, {}, [&](const Words& words) { poke(top.port##_tdata, words); },                 \
                     [&](bool on) { top.port##_tvalid = on; }, [&] { return bool(top.port##_tvalid); },      \
                     [&] { return bool(top.port##_tready); }});
#define SINK(port)                                                                                          \
  top.port##_tready = 0;                                                                                    \
  sinks.push_back({#port, 0, [&](bool on) { top.port##_tready = on; },                                      \
                   [&] { return top.port##_tvalid && top.port##_tready; },                                  \
                   [&] { return std::to_string(top.port##_tlast) + " " + peek(top.port##_tdata); }});
  Memory memory;
  std::function<void(uint64_t)> memory_drive, memory_sample, write_drive, write_sample;
  std::function<void()> memory_taken;
  bool memory_moved = false;
#define MEMORY(bits)                                                                                        \
  memory.bytes = bits / 8;                                                                                  \
  top.memory_base_i = Memory::BASE;                                                                         \
  top.m_axi_rvalid = 0;                                                                                     \
  top.m_axi_arready = 0;                                                                                    \
  memory_drive = [&](uint64_t cycle) {                                                                      \
    top.m_axi_arready = std::rand() % 100 >= static_cast<int>(memory.stall);                                \
    if (top.m_axi_rvalid) return;                                                                           \
    const bool some = !memory.bursts.empty() && memory.bursts.front().ready_at <= cycle;                    \
    if (!some || std::rand() % 100 < static_cast<int>(memory.stall)) return;                                \
    top.m_axi_rvalid = 1;                                                                                   \
    top.m_axi_rid = memory.bursts.front().id;                                                               \
    top.m_axi_rlast = memory.bursts.front().left == 1;                                                      \
    top.m_axi_rresp = memory.error_at && memory.beats + 1 == memory.error_at ? 2 : 0;                       \
    poke(top.m_axi_rdata, memory.beat());                                                                   \
  };                                                                                                        \
  memory_sample = [&](uint64_t cycle) {                                                                     \
    const Memory::Burst burst{top.m_axi_araddr, top.m_axi_arlen + 1u, top.m_axi_arid, 0};                   \
    if (top.rst_ni) memory.request(top.m_axi_arvalid, top.m_axi_arready, burst, cycle);                     \
    else memory.asking = false;                                                                             \
    if (top.error_o && !memory.error_rose) memory.error_rose = cycle;                                       \
    if (!top.m_axi_rvalid || !top.m_axi_rready) return;                                                     \
    memory.beats++;                                                                                         \
    memory.bursts.front().address += memory.bytes;                                                          \
    if (--memory.bursts.front().left == 0) memory.bursts.pop_front();                                       \
    memory_moved = true;                                                                                    \
  };                                                                                                        \
  memory_taken = [&] { top.m_axi_rvalid = 0; };

#define WRITES(span_bytes)                                                                                  \
  memory.span = span_bytes;                                                                                 \
  top.m_axi_awready = top.m_axi_wready = top.m_axi_bvalid = top.m_axi_bid = 0;                              \
  write_drive = [&](uint64_t cycle) {                                                                       \
    const int chance = static_cast<int>(memory.stall);                                                      \
    top.m_axi_awready = std::rand() % 100 >= chance;                                                        \
    top.m_axi_wready = !memory.writes.empty() && std::rand() % 100 >= chance;                               \
    top.m_axi_bvalid = !memory.answers.empty() && memory.answers.front() <= cycle && std::rand() % 100 >= chance; \
    top.m_axi_bresp = 0;                                                                                    \
    if (top.m_axi_bvalid && memory.error_at && ++memory.beats == memory.error_at) top.m_axi_bresp = 2;      \
  };                                                                                                        \
  write_sample = [&](uint64_t cycle) {                                                                      \
    memory.send(top.m_axi_wvalid, top.m_axi_wready, parse(peek(top.m_axi_wdata)),                           \
                std::strtoull(peek(top.m_axi_wstrb).c_str(), nullptr, 16), top.m_axi_wlast, cycle);         \
    memory.tell(top.m_axi_awvalid, top.m_axi_awready, {top.m_axi_awaddr, top.m_axi_awlen + 1u, 0, 0});      \
    if (top.m_axi_bvalid && top.m_axi_bready) memory.answers.pop_front();                                   \
  };
#include "ports.inc"
  if (memory_drive) {
    std::ifstream in("memory.image", std::ios::binary);
    memory.image.assign(std::istreambuf_iterator<char>(in), {});
    memory.fixed = memory.image.size();
    while (memory.image.size() < memory.span) memory.image.push_back(static_cast<char>(std::rand()));
    const char* settings = std::getenv("MEMORY");
    unsigned long long error_at = 0;
    if (!settings || std::sscanf(settings, "%u %u %llu", &memory.latency, &memory.stall, &error_at) != 3) return 2;
    memory.error_at = error_at;
  }
  if (argc != 7 + static_cast<int>(sinks.size())) return 2;
  for (Source& source : sources) {
    std::ifstream in(source.name + ".hex");
    for (std::string line; in >> line;) source.beats.push_back(parse(line));
  }
  for (size_t n = 0; n < sinks.size(); n++) sinks[n].wanted = std::strtoull(argv[7 + n], nullptr, 10);
  const uint64_t cycles = std::strtoull(argv[1], nullptr, 10);
  const uint64_t drain = std::strtoull(argv[2], nullptr, 10);
  std::srand(std::atoi(argv[3]));
  const int idle = std::atoi(argv[4]), stall = std::atoi(argv[5]);
  const uint64_t reset_at = std::strtoull(argv[6], nullptr, 10);
  const uint64_t first = reset_at ? 0 : 12;  // no source sends before all readers are ready after the reset

  bool started = false;
  uint64_t start = 0, drained = 0;
  top.rst_ni = 0;
  for (uint64_t cycle = 0; cycle < cycles && drained < drain; cycle++) {
    // After the rising edge of the clock before: choose the inputs of this one.
    if (cycle == 4) top.rst_ni = 1;
    if (reset_at && cycle == reset_at) {
      top.rst_ni = 0;
      started = false;
      for (Source& source : sources) source.sent = 0;
      for (Sink& sink : sinks) sink.lines.clear();
      memory.beats = 0;
      memory.reset();
    }
    if (reset_at && cycle == reset_at + 2) top.rst_ni = 1;
    const bool running = top.rst_ni;
    for (Source& source : sources) {
      const bool more = source.sent < source.beats.size();
      const bool held = source.is_valid() && running;
      if (!held) source.valid(running && cycle >= first && more && std::rand() % 100 >= idle);
      if (more) source.data(source.beats[source.sent]);
    }
    for (Sink& sink : sinks) sink.ready(running && std::rand() % 100 >= stall);
    if (memory_drive) memory_drive(cycle);
    if (write_drive) write_drive(cycle);
    top.clk_i = 0;
    top.eval();
    memory_moved = false;
    if (memory_sample) memory_sample(cycle);
    if (write_sample) write_sample(cycle);
    std::vector<Source*> taken;
    for (Source& source : sources) {
      if (running && source.is_valid() && source.is_ready()) taken.push_back(&source);
    }
    for (Sink& sink : sinks) {
      if (running && sink.moves()) sink.lines.push_back(std::to_string(cycle) + " " + sink.beat());
    }
    top.clk_i = 1;
    top.eval();
    if (memory_moved) memory_taken();
    for (Source* source : taken) {
      if (!started) start = cycle;
      started = true;
      source->sent++;
      source->valid(false);
    }
    bool done = true;
    for (const Sink& sink : sinks) done = done && sink.lines.size() >= sink.wanted;
    drained = done ? drained + 1 : 0;
  }
  top.final();
  std::ofstream("start.txt") << start << "\n";
  std::ofstream("memory.txt") << memory.beats << " " << memory.error_rose << " " << memory.written << "\n";
  for (const Sink& sink : sinks) {
    std::ofstream out(sink.name + ".txt");
    for (const std::string& line : sink.lines) out << line << "\n";
  }
  return 0;
}
