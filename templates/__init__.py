"""Templates of every generated file; package data of gan2hls."""
