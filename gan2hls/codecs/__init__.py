"""Weight codecs: lossless carriers of integer weight tensors.  One file and two decoder templates each."""

from gan2hls.codecs import raw
from gan2hls.codecs.base import Codec

#: Every codec by name; adding one touches this line, its file and its templates.
CODECS: dict[str, Codec] = {codec.name: codec for codec in (raw.CODEC,)}
