"""gan2hls.emit"""
