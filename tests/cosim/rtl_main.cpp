// Drives a generated top: rtl_main INPUT.hex OUTPUT.txt BEATS CYCLES DRAIN SEED IDLE STALL RESET_AT
//
// INPUT.hex holds one beat a line.  IDLE and STALL are the chances, in percent, of a clock without tvalid and without
// tready.  At clock RESET_AT (0: never) reset is pulled for two clocks and the input starts again from its first beat.
// DRAIN clocks follow the last beat wanted, in which engines consume rows that no output uses and no beat may come.
// OUTPUT.txt gets the clock of the first input beat, then "cycle last data" per output beat, after the last reset.
#include <cstdio>
#include <cstdlib>
#include <fstream>
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

int main(int argc, char** argv) {
  if (argc != 10) return 2;
  std::vector<Words> input;
  std::ifstream in(argv[1]);
  for (std::string line; in >> line;) input.push_back(parse(line));
  const size_t beats = std::strtoull(argv[3], nullptr, 10);
  const uint64_t cycles = std::strtoull(argv[4], nullptr, 10);
  const uint64_t drain = std::strtoull(argv[5], nullptr, 10);
  std::srand(std::atoi(argv[6]));
  const int idle = std::atoi(argv[7]), stall = std::atoi(argv[8]);
  const uint64_t reset_at = std::strtoull(argv[9], nullptr, 10);

  VerilatedContext context;
  Vtop top{&context};
  std::vector<std::string> lines;
  size_t sent = 0;
  uint64_t start = 0;
  top.rst_ni = 0;
  top.s_axis_tvalid = 0;
  top.s_axis_tlast = 0;
  top.m_axis_tready = 0;
  uint64_t drained = 0;
  for (uint64_t cycle = 0; cycle < cycles && drained < drain; cycle++) {
    // After the rising edge of the clock before: choose the inputs of this one.
    if (cycle == 4) top.rst_ni = 1;
    if (reset_at && cycle == reset_at) {
      top.rst_ni = 0;
      sent = 0;
      lines.clear();
    }
    if (reset_at && cycle == reset_at + 2) top.rst_ni = 1;
    const bool running = top.rst_ni;
    const bool held = top.s_axis_tvalid && running;
    if (!held || !running) top.s_axis_tvalid = running && sent < input.size() && std::rand() % 100 >= idle;
    if (sent < input.size()) poke(top.s_axis_tdata, input[sent]);
    top.m_axis_tready = running && std::rand() % 100 >= stall;
    top.clk_i = 0;
    top.eval();
    const bool taken = running && top.s_axis_tvalid && top.s_axis_tready;
    if (running && top.m_axis_tvalid && top.m_axis_tready) {
      lines.push_back(std::to_string(cycle) + " " + std::to_string(top.m_axis_tlast) + " " + peek(top.m_axis_tdata));
    }
    top.clk_i = 1;
    top.eval();
    if (taken) {
      if (sent == 0) start = cycle;
      sent++;
      top.s_axis_tvalid = 0;
    }
    drained = lines.size() >= beats ? drained + 1 : 0;
  }
  top.final();
  std::ofstream out(argv[2]);
  out << start << "\n";
  for (const std::string& line : lines) out << line << "\n";
  return 0;
}
