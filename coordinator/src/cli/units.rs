//! Durations and sizes as people write them: `10s`, `1.5m`, `512MiB`.

use std::time::Duration;

/// Milliseconds for `ms`, seconds for `s` or nothing, `m`, `h`. Never zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let refusal = || format!("`{text}` is no duration: write 500ms, 10s, 2m or 1h");
    let (number, unit) = split(text).ok_or_else(refusal)?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(refusal()),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| refusal())?;
    if duration < Duration::from_millis(1) { Err(refusal()) } else { Ok(duration) }
}

/// Bytes for `B` or nothing; `KiB`, `MiB` and `GiB` are powers of 1024, `KB`, `MB` and `GB` of 1000. Never zero.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let refusal = || format!("`{text}` is no size: write 64MiB, 1GiB or a number of bytes");
    let (number, unit) = split(text).ok_or_else(refusal)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024.0 * 1024.0,
        "g" | "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(refusal()),
    };
    let bytes = number * factor;
    // Beyond 2^53 a double skips numbers, and no machine has as much.
    if (1.0..9e15).contains(&bytes) { Ok(bytes as u64) } else { Err(refusal()) }
}

fn split(text: &str) -> Option<(f64, &str)> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for (text, ms) in
            [("10s", 10_000), ("10", 10_000), ("500ms", 500), ("1.5m", 90_000), ("2 h", 7_200_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn sizes_read_as_written() {
        for (text, bytes) in
            [("1GiB", 1 << 30), ("512mib", 512 << 20), ("2MB", 2_000_000), ("4096", 4096), ("1.5k", 1536)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "s", "-1s", "0", "0s", "1e9h", "10 parsecs", "1.2.3s", "NaN", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "GiB", "-1", "0", "0MiB", "99999999GiB", "1TiBs"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
