"""The cocotb benches, copied into every generated project; they need cocotb and the standard library only."""
