//! Takes untrusted bytes apart, one after another.

use crate::LogError;

/// A cursor over untrusted bytes.
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes, at: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn error(&self, what: &'static str) -> LogError {
        LogError { at: self.at, what }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, LogError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], LogError> {
        let chunk = self.rest().first_chunk::<N>().ok_or_else(|| self.error("it ends within an item"))?;
        self.at += N;
        Ok(*chunk)
    }

    pub(crate) fn bytes(&mut self, len: u64) -> Result<&'a [u8], LogError> {
        let chunk = usize::try_from(len).ok().and_then(|len| self.rest().get(..len));
        let chunk = chunk.ok_or_else(|| self.error("it ends within an item"))?;
        self.at += chunk.len();
        Ok(chunk)
    }

    pub(crate) fn text(&mut self, len: u64) -> Result<&'a str, LogError> {
        let bytes = self.bytes(len)?;
        std::str::from_utf8(bytes).map_err(|_| self.error("a text that is not UTF-8"))
    }

    pub(crate) fn varint_bytes(&mut self) -> Result<&'a [u8], LogError> {
        let len = self.varint()?;
        self.bytes(len)
    }

    pub(crate) fn varint_text(&mut self) -> Result<&'a str, LogError> {
        let len = self.varint()?;
        self.text(len)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, LogError> {
        // Nearly all numbers are small.
        if let Some(&byte) = self.bytes.get(self.at)
            && byte < 0x80
        {
            self.at += 1;
            return Ok(byte.into());
        }
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.error("a number of more than 64 bits"))
    }
}
