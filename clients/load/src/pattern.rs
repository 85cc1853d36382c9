//! The payload: byte = f(connection, offset), and back.
//!
//! The stream of a connection is a row of 8-byte blocks. A block is its
//! connection (24 bits) and its number in the stream (40 bits), xored with the
//! seed and put through an invertible mix: the finaliser of MurmurHash3. So a
//! block costs two multiplications to make, looks like noise to whatever might
//! compress or guess it, and can be turned back into the place it belongs to.
//! Nothing of what was sent has to be kept for comparison.
//!
//! Refuses to do: say what a deviation means; that is `diagnose`.

/// Bytes of a block.
const BLOCK: usize = 8;
const BLOCK_BITS: u32 = 40;

/// Connections that can be told apart.
pub const MAX_CONNECTIONS: u32 = 1 << (64 - BLOCK_BITS);

/// Beyond this an offset decoded from received bytes is taken for chance.
const PLAUSIBLE_OFFSET: u64 = 1 << 38;

const FIRST: u64 = 0xff51_afd7_ed55_8ccd;
const SECOND: u64 = 0xc4ce_b9fe_1a85_ec53;
const FIRST_INVERSE: u64 = inverse(FIRST);
const SECOND_INVERSE: u64 = inverse(SECOND);

/// The payloads of all connections of one run.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    seed: u64,
}

/// Where some bytes belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The connection whose stream they are of.
    pub connection: u32,
    /// Their offset in it, in bytes.
    pub offset: u64,
}

impl Pattern {
    /// Different seeds give unrelated streams.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    fn block(self, connection: u32, number: u64) -> u64 {
        let place = (u64::from(connection) << BLOCK_BITS) | number;
        mix(place ^ self.seed)
    }

    /// Writes the stream of `connection` from `offset` on.
    pub fn fill(self, connection: u32, offset: u64, out: &mut [u8]) {
        let (mut number, skip) = split(offset);
        let mut rest = out;
        if skip > 0 {
            let bytes = self.block(connection, number).to_le_bytes();
            let length = rest.len().min(BLOCK - skip);
            let (head, tail) = rest.split_at_mut(length);
            head.copy_from_slice(&bytes[skip..skip + length]);
            rest = tail;
            number += 1;
        }
        let (blocks, tail) = rest.as_chunks_mut::<BLOCK>();
        for block in blocks {
            *block = self.block(connection, number).to_le_bytes();
            number += 1;
        }
        if !tail.is_empty() {
            let bytes = self.block(connection, number).to_le_bytes();
            let length = tail.len();
            tail.copy_from_slice(&bytes[..length]);
        }
    }

    /// Compares `bytes` with the stream of `connection` from `offset` on and
    /// returns the index of the first that differs.
    #[must_use]
    pub fn first_difference(
        self,
        connection: u32,
        offset: u64,
        bytes: &[u8],
    ) -> Option<usize> {
        let (mut number, skip) = split(offset);
        let mut rest = bytes;
        if skip > 0 {
            let expected = self.block(connection, number).to_le_bytes();
            let length = rest.len().min(BLOCK - skip);
            let (head, tail) = rest.split_at(length);
            if let Some(index) = differs(head, &expected[skip..]) {
                return Some(index);
            }
            rest = tail;
            number += 1;
        }
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        for (index, block) in blocks.iter().enumerate() {
            let difference =
                u64::from_le_bytes(*block) ^ self.block(connection, number);
            if difference != 0 {
                let before = bytes.len() - rest.len() + index * BLOCK;
                return Some(before + difference.trailing_zeros() as usize / 8);
            }
            number += 1;
        }
        let expected = self.block(connection, number).to_le_bytes();
        differs(tail, &expected).map(|index| bytes.len() - tail.len() + index)
    }

    /// Finds the place of which `bytes` are, from the first on, among
    /// `connections` connections.
    ///
    /// Needs a whole block: 8 bytes at best, 15 in the worst alignment. What
    /// stands around the block must agree too, so noise is taken for a place
    /// once in hundreds of thousands of calls with 8 bytes, never with 12.
    #[must_use]
    pub fn locate(self, bytes: &[u8], connections: u32) -> Option<Place> {
        (0..BLOCK).find_map(|skip| {
            let block = bytes.get(skip..skip + BLOCK)?;
            let block = block.try_into().expect("eight bytes were taken");
            let place = unmix(u64::from_le_bytes(block)) ^ self.seed;
            let number = place & ((1 << BLOCK_BITS) - 1);
            let connection =
                u32::try_from(place >> BLOCK_BITS).expect("24 bits fit 32");
            let offset = (number * BLOCK as u64).checked_sub(skip as u64)?;
            let plausible =
                connection < connections && offset < PLAUSIBLE_OFFSET;
            // What follows may already be something else.
            let neighbours = bytes.len().min((skip + BLOCK).max(12));
            (plausible
                && self
                    .first_difference(connection, offset, &bytes[..neighbours])
                    .is_none())
            .then_some(Place { connection, offset })
        })
    }
}

fn split(offset: u64) -> (u64, usize) {
    let block = BLOCK as u64;
    let skip = usize::try_from(offset % block).expect("below eight");
    (offset / block, skip)
}

/// Index of the first difference; `expected` may be longer.
fn differs(bytes: &[u8], expected: &[u8]) -> Option<usize> {
    bytes.iter().zip(expected).position(|(a, b)| a != b)
}

fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(FIRST);
    x ^= x >> 33;
    x = x.wrapping_mul(SECOND);
    x ^ (x >> 33)
}

/// Undoes [`mix`]: a shift by more than half the width is its own inverse.
fn unmix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(SECOND_INVERSE);
    x ^= x >> 33;
    x = x.wrapping_mul(FIRST_INVERSE);
    x ^ (x >> 33)
}

/// The inverse of an odd number modulo 2^64 by Newton's iteration, which
/// doubles the right bits each time: an odd number is its own inverse modulo
/// 8, so five steps from 3 bits give more than 64.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut step = 0;
    while step < 5 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        step += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(pattern: Pattern, connection: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        pattern.fill(connection, 0, &mut bytes);
        bytes
    }

    #[test]
    fn the_mix_has_an_inverse() {
        for x in [0, 1, 0xdead_beef, u64::MAX, 1 << 63] {
            assert_eq!(unmix(mix(x)), x);
        }
    }

    #[test]
    fn seeds_and_connections_give_different_streams() {
        let first = stream(Pattern::new(1), 0, 64);
        assert_ne!(first, stream(Pattern::new(2), 0, 64));
        assert_ne!(first, stream(Pattern::new(1), 1, 64));
    }

    proptest! {
        #[test]
        fn a_piece_is_the_same_however_the_stream_is_cut(
            seed: u64, connection in 0..MAX_CONNECTIONS,
            start in 0_usize..100, length in 0_usize..100,
        ) {
            let pattern = Pattern::new(seed);
            let whole = stream(pattern, connection, 200);
            let mut piece = vec![0; length];
            pattern.fill(connection, start as u64, &mut piece);
            prop_assert_eq!(&piece, &whole[start..start + length]);
            prop_assert_eq!(
                pattern.first_difference(connection, start as u64, &piece),
                None
            );
        }

        #[test]
        fn the_first_difference_is_found(
            seed: u64, start in 0_u64..100, length in 1_usize..100,
            at: prop::sample::Index, flip in 1_u8..,
        ) {
            let pattern = Pattern::new(seed);
            let mut piece = vec![0; length];
            pattern.fill(7, start, &mut piece);
            let at = at.index(length);
            piece[at] ^= flip;
            if at + 1 < length {
                piece[at + 1] ^= 1;
            }
            prop_assert_eq!(
                pattern.first_difference(7, start, &piece), Some(at)
            );
        }

        #[test]
        fn fifteen_bytes_name_their_place(
            seed: u64, connection in 0_u32..10_000, offset in 0_u64..1 << 37,
        ) {
            let pattern = Pattern::new(seed);
            let mut piece = [0; 15];
            pattern.fill(connection, offset, &mut piece);
            prop_assert_eq!(
                pattern.locate(&piece, 10_000),
                Some(Place { connection, offset })
            );
        }

        #[test]
        fn noise_has_no_place(
            seed: u64, noise in prop::array::uniform20(any::<u8>()),
        ) {
            prop_assert_eq!(Pattern::new(seed).locate(&noise, 10_000), None);
        }
    }
}
