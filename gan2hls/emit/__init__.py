"""Emitters: from a design to every generated file, in memory."""
