"""A small JPEG encoder for the kinds that Pillow cannot write: any sampling factors, four components, separate scans,
spectral selection, restart intervals in odd places. Huffman tables are those of the standard's annex K."""

import struct

import numpy as np

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)
DC_LENGTHS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
DC_SYMBOLS = list(range(12))
AC_LENGTHS = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125]
AC_SYMBOLS = list(
    bytes.fromhex(
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738"
        "393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5"
        "a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    )
)


def segment(marker, data=b""):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def codes(lengths, symbols):
    """symbol -> (code, bits), shortest first."""
    table, code, at = {}, 0, 0
    for bits, count in enumerate(lengths, 1):
        for symbol in symbols[at : at + count]:
            table[symbol] = (code, bits)
            code += 1
        at += count
        code <<= 1
    return table


DC, AC = codes(DC_LENGTHS, DC_SYMBOLS), codes(AC_LENGTHS, AC_SYMBOLS)


class Bits:
    def __init__(self):
        self.text = []

    def put(self, value, bits):
        if bits:
            self.text.append(format(value, f"0{bits}b"))

    def flush(self):
        """The bits as bytes, the last filled with ones, 0xFF followed by 0."""
        text = "".join(self.text)
        self.text = []
        text += "1" * (-len(text) % 8)
        return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)).replace(b"\xff", b"\xff\x00")


def magnitude(value):
    """(category, its bits) of a coefficient."""
    size = int(abs(value)).bit_length()
    return size, int(value) if value >= 0 else int(value) + (1 << size) - 1


def coefficients(plane, table):
    """[rows, columns, 64] quantised coefficients in zigzag order; the plane is padded by its last row and column."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, -height % 8), (0, -width % 8)), mode="edge").astype(np.float64) - 128
    k, n = np.arange(8)[:, None], np.arange(8)[None, :]
    basis = np.cos((2 * n + 1) * k * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    blocks = plane.reshape(plane.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3)
    flat = (basis @ blocks @ basis.T).reshape(*blocks.shape[:2], 64)[..., ZIGZAG]
    return np.rint(flat / table).astype(np.int64)


def write_jpeg(planes, factors, *, size, ids=None, scans=None, restart=0, extra=b"", sof=0xC0, quality=2):
    """`planes`: full-size uint8 samples of each component, reduced here. `factors`: (h, v) of each. `scans`: lists of
    (components, first, last coefficient); default one interleaved baseline scan. `extra`: segments after SOI."""
    width, height = size
    ids = ids or list(range(1, len(planes) + 1))
    scans = scans or [(list(range(len(planes))), 0, 63)]
    table = np.clip(np.array([int(q) for q in LUMA.split()])[ZIGZAG] // quality, 1, 255)
    h_max, v_max = max(h for h, _ in factors), max(v for _, v in factors)
    sizes = [(-(-width * h // h_max), -(-height * v // v_max)) for h, v in factors]
    blocks = []
    for plane, (w, h) in zip(planes, sizes):
        rows = np.minimum((np.arange(h) * height) // h, height - 1)
        columns = np.minimum((np.arange(w) * width) // w, width - 1)
        blocks.append(coefficients(plane[np.ix_(rows, columns)], table))
    out = b"\xff\xd8" + extra + segment(0xDB, bytes([0, *table.tolist()]))
    frame = b"".join(bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(ids, factors))
    out += segment(sof, struct.pack(">BHHB", 8, height, width, len(planes)) + frame)
    out += segment(0xC4, bytes([0x00, *DC_LENGTHS, *DC_SYMBOLS]))
    out += segment(0xC4, bytes([0x10, *AC_LENGTHS, *AC_SYMBOLS]))
    if restart:
        out += segment(0xDD, struct.pack(">H", restart))
    for chosen, first, last in scans:
        spec = b"".join(bytes([ids[c], 0]) for c in chosen)
        out += segment(0xDA, bytes([len(chosen)]) + spec + bytes([first, last, 0]))
        out += scan(blocks, chosen, factors, sizes, (width, height, h_max, v_max), first, last, restart)
    return out + b"\xff\xd9"


def scan(blocks, chosen, factors, sizes, frame, first, last, restart):
    width, height, h_max, v_max = frame
    if len(chosen) == 1:
        w, h = sizes[chosen[0]]
        units, across, down = [(chosen[0], 1, 1)], -(-w // 8), -(-h // 8)
    else:
        units = [(c, *factors[c]) for c in chosen]
        across, down = -(-width // (8 * h_max)), -(-height // (8 * v_max))
    out, bits, previous, count = b"", Bits(), dict.fromkeys(chosen, 0), 0
    for my in range(down):
        for mx in range(across):
            if restart and count and count % restart == 0:
                out += bits.flush() + bytes([0xFF, 0xD0 + (count // restart - 1) % 8])
                previous = dict.fromkeys(chosen, 0)
            count += 1
            for c, h, v in units:
                for y in range(my * v, my * v + v):
                    for x in range(mx * h, mx * h + h):
                        rows, columns, _ = blocks[c].shape
                        block = blocks[c][min(y, rows - 1), min(x, columns - 1)]
                        previous[c] = put_block(bits, block, previous[c], first, last)
    return out + bits.flush()


def put_block(bits, block, previous, first, last):
    """Writes coefficients first … last; returns the DC value that the next block is relative to."""
    if first == 0:
        size, value = magnitude(block[0] - previous)
        bits.put(*DC[size])
        bits.put(value, size)
        previous = block[0]
    run = 0
    for value in block[max(first, 1) : last + 1]:
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*AC[0xF0])
            run -= 16
        size, low = magnitude(value)
        bits.put(*AC[run << 4 | size])
        bits.put(low, size)
        run = 0
    if run and last > 0:
        bits.put(*AC[0])
    return previous
