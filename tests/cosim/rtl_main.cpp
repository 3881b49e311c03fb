// Drives a generated top: rtl_main CYCLES DRAIN SEED IDLE STALL RESET_AT BEATS...
//
// rtl_top.cpp tells its streams.  SOURCE.hex, SOURCE the name of one that enters it, holds one beat a line.
// IDLE and STALL are the chances, in percent, of a clock without tvalid and without tready, for each port by itself.  At
// clock RESET_AT (0: never) reset is pulled for two clocks and all inputs start again from their first beats.  BEATS are
// wanted from each sink; DRAIN clocks follow the last of them, in which engines consume rows that no output uses and no
// beat may come.  start.txt gets the clock of the first input beat, SINK.txt "cycle last data" per output beat, after
// the last reset.
//
// Where it has a memory, its ports read memory.image, which stands from BASE on.  The environment's MEMORY has the clocks of
// its latency, the chance in percent of a clock without a beat or without arready, and which beat is an error (0: none).
// memory.txt gets the beats that were read since the last reset, the clock in which error_o rose (0: never), and the beats
// that were written, at all ports.  What they write stands behind the image; an error beat counts both, what is read and
// what is answered.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <string>
#include <vector>

#include "rtl_top.hpp"

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

static void poke(const Signal& port, const Words& words) {
  const size_t given = 4 * words.size(), bytes = given < port.bytes ? given : port.bytes;
  std::memset(port.data, 0, port.bytes);
  std::memcpy(port.data, words.data(), bytes);
}

static Words peek(const Signal& port) {
  Words words(port.bytes / 4 + 1, 0);
  std::memcpy(words.data(), port.data, port.bytes);
  return words;
}

static std::string hex(const Signal& port) {
  std::string text;
  char word[16];
  const Words words = peek(port);
  for (size_t n = (port.bytes + 3) / 4; n-- > 0;) {
    std::snprintf(word, sizeof word, "%08x", words[n]);
    text += word;
  }
  return text;
}

struct Source {
  Stream port;
  std::vector<Words> beats = {};
  size_t sent = 0;
};

struct Sink {
  Stream port;
  size_t wanted = 0;
  std::vector<std::string> lines = {};
};

// An external memory: what its ports share.
struct Memory {
  static constexpr uint64_t BASE = 0x40000000;
  std::string image;
  unsigned bytes = 0, latency = 0, stall = 0;
  uint64_t error_at = 0, beats = 0, error_rose = 0, written = 0;
  unsigned offered = 0;        // beats that are offered to the design
  size_t span = 0, fixed = 0;  // bytes of all that is there, and of the image, which nobody writes
};

// A port of it behind AXI4; bursts are served in order.
struct Server {
  static constexpr uint64_t BASE = Memory::BASE;
  struct Burst {
    uint64_t address;
    unsigned left, id;
    uint64_t ready_at;
  };
  const MemoryPort& port;
  Memory& memory;
  std::deque<Burst> bursts, writes;
  std::deque<uint64_t> answers;  // clocks from which on bursts are answered
  bool asking = false, telling = false, sending = false;
  Burst asked{}, told{};
  std::string sent;
  bool told_before = false;  // the burst that waits was told before the last reset
  unsigned registered = 0;   // beats of such bursts that may have left their queue before it

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
    const uint64_t size = static_cast<uint64_t>(burst.left) * memory.bytes;
    if (burst.address % memory.bytes || burst.address / 4096 != (burst.address + size - 1) / 4096) fail("a burst crosses 4096 bytes");
    if (burst.address < BASE || burst.address + size > BASE + memory.image.size()) fail("a burst outside of the image");
    burst.ready_at = cycle + 1 + memory.latency;
    bursts.push_back(burst);
  }
  // The same of a burst that is written, and a beat of one: they wait as they are, through a reset too.
  void tell(bool valid, bool ready, Burst burst) {
    if (telling && (!valid || burst.address != told.address || burst.left != told.left)) fail("awvalid or its address changed");
    telling = valid && !ready;
    told = burst;
    if (!valid || !ready) return;
    const uint64_t size = static_cast<uint64_t>(burst.left) * memory.bytes;
    if (burst.address % memory.bytes || burst.address / 4096 != (burst.address + size - 1) / 4096) fail("a burst crosses 4096 bytes");
    if (burst.address < BASE + memory.fixed || burst.address + size > BASE + memory.image.size()) fail("a burst is written outside of the rings");
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
    std::string now(memory.bytes, 0);
    for (unsigned n = 0; n < memory.bytes; n++) now[n] = static_cast<char>(data[n / 4] >> (8 * (n % 4)));
    if (sending && (!valid || now != sent)) fail("wvalid or wdata changed");
    sending = valid && !ready;
    sent = now;
    if (!valid || !ready) return;
    if (writes.empty()) fail("a beat without a burst");
    Burst& burst = writes.front();
    if (last != (burst.left == 1)) fail("wlast");
    if (burst.id && strobe && registered-- == 0) fail("a burst from before the reset writes");
    for (unsigned n = 0; n < memory.bytes; n++) {
      if (strobe >> n & 1) memory.image[burst.address - BASE + n] = now[n];
    }
    burst.address += memory.bytes;
    memory.written++;
    if (--burst.left == 0) {
      writes.pop_front();
      answers.push_back(cycle + 1 + memory.latency);
    }
  }
  Words beat() const {
    Words words(memory.bytes / 4 + 1, 0);
    const uint64_t at = bursts.front().address - BASE;
    for (unsigned n = 0; n < memory.bytes; n++) words[n / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(memory.image[at + n])) << (8 * (n % 4));
    return words;
  }
};

// Chooses what a memory that is read offers in this clock.
static void drive(Server& server, uint64_t cycle) {
  const MemoryPort& port = server.port;
  Memory& memory = server.memory;
  port.arready.set(std::rand() % 100 >= static_cast<int>(memory.stall));
  if (port.rvalid.get()) return;
  const bool some = !server.bursts.empty() && server.bursts.front().ready_at <= cycle;
  if (!some || std::rand() % 100 < static_cast<int>(memory.stall)) return;
  port.rvalid.set(1);
  port.rid.set(server.bursts.front().id);
  port.rlast.set(server.bursts.front().left == 1);
  memory.offered++;
  port.rresp.set(memory.error_at && memory.beats + memory.offered == memory.error_at ? 2 : 0);
  poke(port.rdata, server.beat());
}

// Takes what moves at the rising edge; returns whether a beat does.
static bool sample(Server& server, bool running, uint64_t cycle) {
  const MemoryPort& port = server.port;
  Memory& memory = server.memory;
  const Server::Burst burst{port.araddr.get(), static_cast<unsigned>(port.arlen.get()) + 1, static_cast<unsigned>(port.arid.get()), 0};
  if (running) server.request(port.arvalid.get(), port.arready.get(), burst, cycle);
  else server.asking = false;
  if (!port.rvalid.get() || !port.rready.get()) return false;
  memory.beats++;
  memory.offered--;
  server.bursts.front().address += memory.bytes;
  if (--server.bursts.front().left == 0) server.bursts.pop_front();
  return true;
}

// The same of a memory that is written.
static void drive_writes(Server& server, uint64_t cycle) {
  const MemoryPort& port = server.port;
  Memory& memory = server.memory;
  const int chance = static_cast<int>(memory.stall);
  port.awready.set(std::rand() % 100 >= chance);
  port.wready.set(!server.writes.empty() && std::rand() % 100 >= chance);
  const bool answers = !server.answers.empty() && server.answers.front() <= cycle && std::rand() % 100 >= chance;
  port.bvalid.set(answers);
  port.bresp.set(answers && memory.error_at && ++memory.beats == memory.error_at ? 2 : 0);
}

static void sample_writes(Server& server, uint64_t cycle) {
  const MemoryPort& port = server.port;
  Memory& memory = server.memory;
  server.send(port.wvalid.get(), port.wready.get(), peek(port.wdata), port.wstrb.get(), port.wlast.get(), cycle);
  server.tell(port.awvalid.get(), port.awready.get(), {port.awaddr.get(), static_cast<unsigned>(port.awlen.get()) + 1, 0, 0});
  if (port.bvalid.get() && port.bready.get()) server.answers.pop_front();
}

int main(int argc, char** argv) {
  Top& design = top();
  std::vector<Source> sources;
  std::vector<Sink> sinks;
  for (const Stream& stream : design.sources) {
    stream.valid.set(0);
    stream.last.set(0);
    sources.push_back({stream});
  }
  for (const Stream& stream : design.sinks) {
    stream.ready.set(0);
    sinks.push_back({stream});
  }
  Memory memory;
  std::vector<Server> servers;
  for (const MemoryPort& port : design.memory.ports) {
    servers.push_back({port, memory});
    port.rvalid.set(0);
    port.arready.set(0);
    if (!port.writes) continue;
    for (const Signal* signal : {&port.awready, &port.wready, &port.bvalid, &port.bid}) signal->set(0);
  }
  if (!servers.empty()) {
    memory.bytes = design.memory.bytes;
    memory.span = design.memory.span;
    design.memory.base.set(Memory::BASE);
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
    std::ifstream in(source.port.name + std::string(".hex"));
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
  design.reset.set(0);
  for (uint64_t cycle = 0; cycle < cycles && drained < drain; cycle++) {
    // After the rising edge of the clock before: choose the inputs of this one.
    if (cycle == 4) design.reset.set(1);
    if (reset_at && cycle == reset_at) {
      design.reset.set(0);
      started = false;
      for (Source& source : sources) source.sent = 0;
      for (Sink& sink : sinks) sink.lines.clear();
      memory.beats = 0;
      for (Server& server : servers) server.reset();
    }
    if (reset_at && cycle == reset_at + 2) design.reset.set(1);
    const bool running = design.reset.get();
    for (Source& source : sources) {
      const bool more = source.sent < source.beats.size();
      const bool held = source.port.valid.get() && running;
      if (!held) source.port.valid.set(running && cycle >= first && more && std::rand() % 100 >= idle);
      if (more) poke(source.port.data, source.beats[source.sent]);
    }
    for (Sink& sink : sinks) sink.port.ready.set(running && std::rand() % 100 >= stall);
    for (Server& server : servers) {
      drive(server, cycle);
      if (server.port.writes) drive_writes(server, cycle);
    }
    design.clock.set(0);
    design.eval();
    std::vector<const MemoryPort*> moved;
    for (Server& server : servers) {
      if (sample(server, running, cycle)) moved.push_back(&server.port);
      if (server.port.writes) sample_writes(server, cycle);
    }
    if (!servers.empty() && design.memory.error.get() && !memory.error_rose) memory.error_rose = cycle;
    std::vector<Source*> taken;
    for (Source& source : sources) {
      if (running && source.port.valid.get() && source.port.ready.get()) taken.push_back(&source);
    }
    for (Sink& sink : sinks) {
      if (!running || !sink.port.valid.get() || !sink.port.ready.get()) continue;
      const std::string last = sink.port.last.get() ? " 1 " : " 0 ";
      sink.lines.push_back(std::to_string(cycle) + last + hex(sink.port.data));
    }
    design.clock.set(1);
    design.eval();
    for (const MemoryPort* port : moved) port->rvalid.set(0);
    for (Source* source : taken) {
      if (!started) start = cycle;
      started = true;
      source->sent++;
      source->port.valid.set(0);
    }
    bool done = true;
    for (const Sink& sink : sinks) done = done && sink.lines.size() >= sink.wanted;
    drained = done ? drained + 1 : 0;
  }
  design.finish();
  std::ofstream("start.txt") << start << "\n";
  std::ofstream("memory.txt") << memory.beats << " " << memory.error_rose << " " << memory.written << "\n";
  for (const Sink& sink : sinks) {
    std::ofstream out(sink.port.name + std::string(".txt"));
    for (const std::string& line : sink.lines) out << line << "\n";
  }
  return 0;
}
