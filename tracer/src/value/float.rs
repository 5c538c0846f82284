//! Floats as `repr` shows them: the shortest digits that read back as the same number.

use super::Text;

impl Text {
    pub(crate) fn float(&mut self, value: f64) {
        // Whole numbers are the commonest, and their digits need no search.
        if value.abs() < 1e15 && value as i64 as f64 == value && (value != 0.0 || value.is_sign_positive()) {
            self.number(value as i64);
            self.ascii(b".0");
        } else {
            self.shortest(value, true);
        }
    }

    /// `2j`, `(1+2j)`
    pub(crate) fn complex(&mut self, real: f64, imaginary: f64) {
        let is_imaginary = real == 0.0 && real.is_sign_positive();
        if !is_imaginary {
            self.byte(b'(');
            self.shortest(real, false);
            if imaginary.is_sign_positive() || imaginary.is_nan() {
                self.byte(b'+');
            }
        }
        self.shortest(imaginary, false);
        self.byte(b'j');
        if !is_imaginary {
            self.byte(b')');
        }
    }

    fn shortest(&mut self, value: f64, with_point: bool) {
        if value.is_nan() {
            return self.ascii(b"nan");
        }
        if value.is_sign_negative() {
            self.byte(b'-');
        }
        if value.is_infinite() {
            return self.ascii(b"inf");
        }
        let mut buffer = ryu::Buffer::new();
        let Decimal { digits, len, point } = Decimal::parse(buffer.format_finite(value.abs()));
        let digits = &digits[..len];
        match point {
            // Python's rule: an exponent from 16 digits before the point on, and from four zeros after it.
            -3..=0 => {
                self.ascii(b"0.");
                self.ascii(&b"000"[..point.unsigned_abs()]);
                self.ascii(digits);
            }
            1..=16 if (point as usize) < len => {
                self.ascii(&digits[..point as usize]);
                self.byte(b'.');
                self.ascii(&digits[point as usize..]);
            }
            1..=16 => {
                self.ascii(digits);
                self.ascii(&b"0000000000000000"[..point as usize - len]);
                if with_point {
                    self.ascii(b".0");
                }
            }
            _ => {
                self.byte(digits[0]);
                if len > 1 {
                    self.byte(b'.');
                    self.ascii(&digits[1..]);
                }
                self.ascii(if point > 0 { b"e+" } else { b"e-" });
                let exponent = (point - 1).unsigned_abs();
                if exponent < 10 {
                    self.byte(b'0');
                }
                self.number(exponent as i64);
            }
        }
    }
}

/// A positive number: `0.DIGITS * 10**point`, without leading or trailing zeros.
struct Decimal {
    digits: [u8; 24],
    len: usize,
    point: isize,
}

impl Decimal {
    /// Reads what `ryu` writes: `1.5`, `0.001`, `1e-7`, `1.5e300`.
    fn parse(text: &str) -> Decimal {
        let mut decimal = Decimal { digits: [b'0'; 24], len: 0, point: 0 };
        let mut is_fraction = false;
        for (index, byte) in text.bytes().enumerate() {
            match byte {
                b'.' => is_fraction = true,
                b'e' => {
                    decimal.point += text[index + 1..].parse::<isize>().unwrap_or(0);
                    break;
                }
                _ => {
                    // Zeros in front are no digits; behind the point, each moves the number further down.
                    let is_digit = decimal.len > 0 || byte != b'0';
                    decimal.point +=
                        isize::from(is_digit && !is_fraction) - isize::from(!is_digit && is_fraction);
                    decimal.digits[decimal.len] = byte;
                    decimal.len += usize::from(is_digit);
                }
            }
        }
        while decimal.len > 0 && decimal.digits[decimal.len - 1] == b'0' {
            decimal.len -= 1;
        }
        if decimal.len == 0 {
            return Decimal { len: 1, point: 1, ..decimal };
        }
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Limits;

    fn text(write: impl FnOnce(&mut Text)) -> String {
        let limits = Limits::new(256);
        let mut buffer = vec![0; limits.room()];
        // SAFETY: the buffer has the room that the limits ask for.
        let mut text = unsafe { Text::new(buffer.as_mut_ptr(), limits) };
        write(&mut text);
        let len = text.byte_len();
        buffer.truncate(len);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn floats_read_as_python_shows_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (9007199254740993.0, "9007199254740992.0"),
            (1.2345678901234567e22, "1.2345678901234568e+22"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ];
        for (value, expected) in cases {
            assert_eq!(text(|text| text.float(value)), expected);
        }
    }

    #[test]
    fn complex_numbers_read_as_python_shows_them() {
        let cases = [
            (0.0, 2.0, "2j"),
            (1.0, 2.0, "(1+2j)"),
            (-0.0, -2.5, "(-0-2.5j)"),
            (1.5, f64::NAN, "(1.5+nanj)"),
            (f64::INFINITY, f64::NEG_INFINITY, "(inf-infj)"),
            (0.0, -0.0, "-0j"),
            (1e16, 1e-5, "(1e+16+1e-05j)"),
        ];
        for (real, imaginary, expected) in cases {
            assert_eq!(text(|text| text.complex(real, imaginary)), expected);
        }
    }
}
