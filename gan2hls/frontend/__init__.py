"""gan2hls.frontend"""
