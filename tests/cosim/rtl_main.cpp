// Drives a generated top: rtl_main CYCLES DRAIN SEED IDLE STALL RESET_AT BEATS...
//
// ports.inc, made for the top, names its streams: SOURCE(s_axis) and SINK(m_axis).  SOURCE.hex holds one beat a line.
// IDLE and STALL are the chances, in percent, of a clock without tvalid and without tready, for each port by itself.  At
// clock RESET_AT (0: never) reset is pulled for two clocks and all inputs start again from their first beats.  BEATS are
// wanted from each sink; DRAIN clocks follow the last of them, in which engines consume rows that no output uses and no
// beat may come.  start.txt gets the clock of the first input beat, SINK.txt "cycle last data" per output beat, after
// the last reset.
#include <cstdio>
#include <cstdlib>
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
#include "ports.inc"
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
    top.clk_i = 0;
    top.eval();
    std::vector<Source*> taken;
    for (Source& source : sources) {
      if (running && source.is_valid() && source.is_ready()) taken.push_back(&source);
    }
    for (Sink& sink : sinks) {
      if (running && sink.moves()) sink.lines.push_back(std::to_string(cycle) + " " + sink.beat());
    }
    top.clk_i = 1;
    top.eval();
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
  for (const Sink& sink : sinks) {
    std::ofstream out(sink.name + ".txt");
    for (const std::string& line : sink.lines) out << line << "\n";
  }
  return 0;
}
