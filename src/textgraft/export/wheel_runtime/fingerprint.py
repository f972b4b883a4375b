"""FarmHash's Fingerprint64 of bytes, by which TensorFlow hashes strings (https://github.com/google/farmhash)."""

_BITS = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_BLOCK = 64
_SEED = 81


def fingerprint64(data: bytes) -> int:
    """The fingerprint, below 2**64."""
    size = len(data)
    if size > _BLOCK:
        return _of_blocks(data)
    if size > 16:
        return _of_17_to_64(data)
    if size >= 8:
        multiplier = _K2 + 2 * size
        first, last = _word(data, 0) + _K2, _word(data, size - 8)
        c = _rotated(last, 37) * multiplier + first
        return _mixed(c, (_rotated(first, 25) + last) * multiplier, multiplier)
    if size >= 4:
        first, last = int.from_bytes(data[:4], "little"), int.from_bytes(data[-4:], "little")
        return _mixed(size + (first << 3), last, _K2 + 2 * size)
    if not size:
        return _K2
    y, z = data[0] + (data[size // 2] << 8), size + (data[-1] << 2)
    return _folded(y * _K2 ^ z * _K0) * _K2 & _BITS


def _of_17_to_64(data: bytes) -> int:
    size = len(data)
    multiplier = _K2 + 2 * size
    a, b = _word(data, 0) * (_K1 if size <= 32 else _K2), _word(data, 8)
    c, d = _word(data, size - 8) * multiplier, _word(data, size - 16) * _K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _mixed(y, a + _rotated(b + _K2, 18) + c, multiplier)
    if size <= 32:
        return z
    e, f = _word(data, 16) * multiplier, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * multiplier, (z + _word(data, size - 24)) * multiplier
    return _mixed(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, multiplier)


def _of_blocks(data: bytes) -> int:
    """The fingerprint of more than 64 bytes: of each block, and of the last 64 bytes."""
    y = _SEED * _K1 + 113
    state = (_SEED * _K2 + _word(data, 0), y, _folded(y * _K2 + 113) * _K2, (0, 0), (0, 0))
    last = (len(data) - 1) // _BLOCK * _BLOCK
    for start in range(0, last, _BLOCK):
        state = _with_block(data, start, state, _K1, 1)
    x, y, z, v, w = state
    multiplier = _K1 + ((z & 0xFF) << 1)
    w = (w[0] + ((len(data) - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _with_block(data, len(data) - _BLOCK, (x, y, z, v, w), multiplier, 9)
    first = _mixed(v[0], w[0], multiplier) + _folded(y) * _K0 + z
    return _mixed(first, _mixed(v[1], w[1], multiplier) + x, multiplier)


_State = tuple[int, int, int, tuple[int, int], tuple[int, int]]


def _with_block(data: bytes, start: int, state: _State, multiplier: int, weight: int) -> _State:
    """The state after the 64 bytes from `start`; `weight` is 1, for the last block 9."""
    x, y, z, v, w = state
    x = _rotated(x + y + v[0] + _word(data, start + 8), 37) * multiplier
    y = _rotated(y + v[1] + _word(data, start + 48), 42) * multiplier
    x ^= w[1] * weight
    y += v[0] * weight + _word(data, start + 40)
    z = _rotated(z + w[0], 33) * multiplier
    v = _with_half(data, start, v[1] * multiplier, x + w[0])
    w = _with_half(data, start + 32, z + w[1], y + _word(data, start + 16))
    return z & _BITS, y & _BITS, x & _BITS, v, w


def _with_half(data: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    """Two words mixed with the 32 bytes from `start`."""
    first, second, third, fourth = (_word(data, start + offset) for offset in (0, 8, 16, 24))
    a += first
    b = _rotated(b + a + fourth, 21)
    c = a + second + third
    return (c + fourth) & _BITS, (b + _rotated(c, 44) + a) & _BITS


def _mixed(a: int, b: int, multiplier: int) -> int:
    """Two words as one."""
    first = _folded((a ^ b) * multiplier)
    return _folded((b ^ first) * multiplier) * multiplier & _BITS


def _folded(word: int) -> int:
    word &= _BITS
    return word ^ (word >> 47)


def _rotated(word: int, bits: int) -> int:
    """A word, its bits rotated to the right."""
    word &= _BITS
    return (word >> bits) | ((word << (64 - bits)) & _BITS)


def _word(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 8], "little")
