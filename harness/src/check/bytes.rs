//! Bytes that know where they belong: each is a function of the run's seed,
//! the connection and the offset, and eight of them in a row tell both back.
//! Pure.

/// The bytes of one lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    seed: u64,
}

/// Connections that fit: the upper bits of what is mixed.
const KEY_SHIFT: u32 = 40;
const BLOCK: u64 = 8;
const BLOCK_MASK: u64 = (1 << KEY_SHIFT) - 1;

impl Pattern {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed: mix(seed) }
    }

    /// Fills `bytes` with what a connection sends from `offset` on.
    pub(crate) fn fill(self, key: u32, offset: u64, bytes: &mut [u8]) {
        let mut block = offset / BLOCK;
        let skip = usize::try_from(offset % BLOCK).unwrap_or_default();
        let first = self.word(key, block).to_le_bytes();
        let head = bytes.len().min(first.len() - skip);
        bytes[..head].copy_from_slice(&first[skip..skip + head]);
        for chunk in bytes[head..].chunks_mut(first.len()) {
            block += 1;
            let word = self.word(key, block).to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Says where bytes come from that arrived in the wrong place.
    pub(crate) fn locate(self, bytes: &[u8]) -> Option<(u32, u64)> {
        const SURE: usize = 12;
        let words = bytes.windows(first_bytes().len());
        words.take(first_bytes().len()).enumerate().find_map(|(skip, word)| {
            let word = u64::from_le_bytes(word.try_into().ok()?);
            let plain = unmix(word) ^ self.seed;
            let key = u32::try_from(plain >> KEY_SHIFT).ok()?;
            let offset =
                ((plain & BLOCK_MASK) * BLOCK).checked_sub(skip as u64);
            let offset = offset?;
            let mut again = vec![0; bytes.len().min(32)];
            self.fill(key, offset, &mut again);
            let same = again.iter().zip(bytes).take_while(|(a, b)| a == b);
            (same.count() >= SURE.min(bytes.len())).then_some((key, offset))
        })
    }

    const fn word(self, key: u32, block: u64) -> u64 {
        mix((((key as u64) << KEY_SHIFT) | (block & BLOCK_MASK)) ^ self.seed)
    }
}

const fn first_bytes() -> [u8; 8] {
    [0; 8]
}

/// The finalizer of SplitMix64, which is a bijection.
const fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const fn unmix(mut word: u64) -> u64 {
    word = unshift(word, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
    word = unshift(word, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
    unshift(word, 30)
}

/// Undoes `word ^ (word >> by)`.
const fn unshift(word: u64, by: u32) -> u64 {
    let mut known = word;
    let mut right = by;
    while right < u64::BITS {
        known = word ^ (known >> by);
        right += by;
    }
    known
}

/// The inverse of an odd number, by Newton's iteration.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_however_they_are_cut() {
        let pattern = Pattern::new(7);
        let mut whole = vec![0; 1000];
        pattern.fill(3, 5, &mut whole);
        let mut parts = Vec::new();
        for length in [1, 2, 3, 7, 8, 9, 16, 33, 100, 821] {
            let mut part = vec![0; length];
            pattern.fill(3, 5 + parts.len() as u64, &mut part);
            parts.extend(part);
        }
        assert_eq!(parts, whole);
    }

    #[test]
    fn stray_bytes_tell_connection_and_offset() {
        let pattern = Pattern::new(99);
        for (key, offset) in [(0, 0), (1, 1), (9_999, 123_457), (42, 1 << 33)] {
            let mut bytes = [0; 32];
            pattern.fill(key, offset, &mut bytes);
            assert_eq!(pattern.locate(&bytes), Some((key, offset)));
        }
        assert_eq!(pattern.locate(&[0; 32]), None);
        assert_eq!(Pattern::new(1).locate(b"short"), None);
    }
}
