//! Parquet's encodings, as far as events need them.
//!
//! Bit widths are rounded up to whole bytes wherever the format leaves them free. Such numbers are copied rather than
//! shifted together, and a loop that repeats its steps repeats its bytes, which zstd finds: parts come out smaller and
//! are written faster than with the narrowest widths.

/// Values that Parquet packs together.
const GROUP: usize = 8;

/// A shorter run of one key is left to zstd, which does better with bytes that nothing interrupts.
const SHORTEST_KEY_RUN: usize = 64;

/// Numbers in a block of deltas and in a part of it that has a width of its own, as most writers choose them.
const BLOCK: usize = 128;
const MINIBLOCK: usize = 32;

/// Repetition or definition levels of which none is above `most`, after their length in bytes.
pub(super) fn put_levels(out: &mut Vec<u8>, levels: &[u8], most: u8) {
    let width = (u8::BITS - most.leading_zeros()) as usize;
    let start = out.len();
    out.extend([0; 4]);
    let put_run = |out: &mut Vec<u8>, level: &u8| out.push(*level);
    put_hybrid(out, levels, GROUP, put_run, |out, levels| {
        for group in levels.chunks(GROUP) {
            let bits =
                (0..).zip(group).fold(0, |bits, (at, &level)| bits | (u64::from(level) << (at * width)));
            out.extend_from_slice(&bits.to_le_bytes()[..width]);
        }
    });
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// Keys into a dictionary of so many entries.
pub(super) fn put_keys(out: &mut Vec<u8>, keys: &[u32], entries: usize) {
    match entries {
        0..=0x100 => put_keys_of::<1>(out, keys),
        0x101..=0x1_0000 => put_keys_of::<2>(out, keys),
        _ => put_keys_of::<4>(out, keys),
    }
}

fn put_keys_of<const BYTES: usize>(out: &mut Vec<u8>, keys: &[u32]) {
    out.push(BYTES as u8 * 8);
    let put_run = |out: &mut Vec<u8>, &key: &u32| out.extend(low_bytes::<BYTES>(key));
    put_hybrid(out, keys, SHORTEST_KEY_RUN, put_run, |out, keys| {
        out.extend(keys.iter().flat_map(|&key| low_bytes::<BYTES>(key)));
        let padding = keys.len().next_multiple_of(GROUP) - keys.len();
        out.resize(out.len() + padding * BYTES, 0);
    });
}

/// Runs of equal values and stretches of packed groups, each after a head that tells which it is. A stretch is of
/// whole groups, except at the end.
fn put_hybrid<T: PartialEq>(
    out: &mut Vec<u8>,
    values: &[T],
    shortest_run: usize,
    put_run: impl Fn(&mut Vec<u8>, &T),
    put_packed: impl Fn(&mut Vec<u8>, &[T]),
) {
    let put_stretch = |out: &mut Vec<u8>, values: &[T]| {
        if !values.is_empty() {
            put_varint(out, ((values.len().div_ceil(GROUP) as u64) << 1) | 1);
            put_packed(out, values);
        }
    };
    let (mut stretch, mut at) = (0, 0);
    while let Some(first) = values.get(at) {
        let rest = &values[at..];
        let begins_run = rest.iter().take(shortest_run).all(|value| value == first);
        if begins_run && rest.len() >= shortest_run {
            let run = rest.iter().position(|value| value != first).unwrap_or(rest.len());
            put_stretch(out, &values[stretch..at]);
            put_varint(out, (run as u64) << 1);
            put_run(out, first);
            at += run;
            stretch = at;
        } else {
            at = (at + GROUP).min(values.len());
        }
    }
    put_stretch(out, &values[stretch..]);
}

/// Numbers as differences from their predecessors (`DELTA_BINARY_PACKED`).
pub(super) fn put_deltas(out: &mut Vec<u8>, numbers: &[u32]) {
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / MINIBLOCK) as u64);
    put_varint(out, numbers.len() as u64);
    let first = numbers.first().copied().unwrap_or(0);
    put_varint(out, zigzag(first as i32));
    let mut before = first;
    let mut deltas = [0; BLOCK];
    for block in numbers.get(1..).unwrap_or_default().chunks(BLOCK) {
        for (delta, &number) in deltas.iter_mut().zip(block) {
            *delta = number.wrapping_sub(before) as i32;
            before = number;
        }
        put_block(out, &deltas[..block.len()]);
    }
}

fn put_block(out: &mut Vec<u8>, deltas: &[i32]) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    put_varint(out, zigzag(least));
    let widths = out.len();
    out.extend([0; BLOCK / MINIBLOCK]);
    for (number, deltas) in deltas.chunks(MINIBLOCK).enumerate() {
        let mut above = [0; MINIBLOCK];
        for (above, &delta) in above.iter_mut().zip(deltas) {
            *above = delta.wrapping_sub(least) as u32;
        }
        let bytes = match above.iter().fold(0, |all, above| all | above) {
            0 => 0,
            1..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        out[widths + number] = bytes * 8;
        match bytes {
            0 => {}
            1 => out.extend(above.iter().flat_map(|&above| low_bytes::<1>(above))),
            2 => out.extend(above.iter().flat_map(|&above| low_bytes::<2>(above))),
            _ => out.extend(above.iter().flat_map(|&above| low_bytes::<4>(above))),
        }
    }
}

/// A text after its length (`PLAIN`).
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    // Texts come out of memory that four gigabytes bound many times over.
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn low_bytes<const BYTES: usize>(number: u32) -> [u8; BYTES] {
    std::array::from_fn(|at| (number >> (8 * at)) as u8)
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn zigzag(number: i32) -> u64 {
    u64::from(((number << 1) ^ (number >> 31)) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(put: impl FnOnce(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        put(&mut out);
        let shown: Vec<String> = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn levels_that_repeat_are_a_run() {
        check(|out| put_levels(out, &[1; 100], 1), "03 00 00 00 c8 01 01");
        check(|out| put_levels(out, &[], 1), "00 00 00 00");
    }

    #[test]
    fn levels_that_vary_are_packed_and_the_last_group_is_filled_up() {
        check(|out| put_levels(out, &[1, 0, 1, 1, 0, 0, 0, 1, 1], 1), "03 00 00 00 05 8d 01");
        check(|out| put_levels(out, &[3, 0, 1, 2], 2), "03 00 00 00 03 93 00");
    }

    #[test]
    fn a_run_that_begins_within_a_group_begins_after_it() {
        let levels = [[0, 1, 1, 1].as_slice(), &[1; 20]].concat();
        check(|out| put_levels(out, &levels, 1), "04 00 00 00 03 fe 20 01");
    }

    #[test]
    fn keys_take_whole_bytes() {
        check(|out| put_keys(out, &[1, 2, 255], 256), "08 03 01 02 ff 00 00 00 00 00");
        check(|out| put_keys(out, &[258; 64], 259), "10 80 01 02 01");
        check(|out| put_keys(out, &[65_536], 65_537), &format!("20 03 00 00 01 00{}", " 00".repeat(28)));
        check(|out| put_keys(out, &[], 0), "08");
    }

    #[test]
    fn deltas_of_one_size_take_no_bytes() {
        check(|out| put_deltas(out, &[7, 9, 11]), "80 01 04 03 0e 04 00 00 00 00");
        check(|out| put_deltas(out, &[]), "80 01 04 00 00");
    }

    #[test]
    fn deltas_stand_above_the_least_of_their_block() {
        let zeros = " 00".repeat(29);
        check(
            |out| put_deltas(out, &[5, 4, 6, 6]),
            &format!("80 01 04 04 0a 01 08 00 00 00 00 03 01{zeros}"),
        );
    }

    #[test]
    fn deltas_wrap_around() {
        // From 0 to the greatest number is one step back.
        check(|out| put_deltas(out, &[0, u32::MAX]), "80 01 04 02 00 01 00 00 00 00");
    }
}
