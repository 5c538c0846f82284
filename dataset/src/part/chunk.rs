//! A column of one row group: its pages, which are ready to be written when the row group ends.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::dictionary::Dictionary;
use super::levels::List;
use super::schema::compression_level;

/// Compresses pages. One serves every column of a part, since it holds memory of its own.
pub(super) struct Codec {
    compressor: Compressor<'static>,
    /// A page that is being put together, and what it is compressed to.
    page: Vec<u8>,
    compressed: Vec<u8>,
}

impl Codec {
    pub(super) fn new() -> ParquetResult<Codec> {
        let compressor = Compressor::new(compression_level().compression_level())?;
        Ok(Codec { compressor, page: Vec::new(), compressed: Vec::new() })
    }

    /// Compresses a page, which `put` fills. Gives its length before that too.
    fn compress(&mut self, put: impl FnOnce(&mut Vec<u8>)) -> ParquetResult<(Bytes, usize)> {
        self.page.clear();
        put(&mut self.page);
        self.compressed.clear();
        self.compressed.reserve(compress_bound(self.page.len()));
        self.compressor.compress_to_buffer(&self.page, &mut self.compressed)?;
        // Pages wait for the end of their row group, and none in more memory than it takes.
        Ok((Bytes::copy_from_slice(&self.compressed), self.page.len()))
    }
}

/// The pages of a column since the last row group.
#[derive(Default)]
pub(super) struct Chunk {
    pages: Vec<DataPage>,
}

struct DataPage {
    page: CompressedPage,
    rows: usize,
}

/// A whole column of a row group, and what the footer says of it.
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    pub(super) close: ColumnCloseResult,
}

impl Chunk {
    /// Adds a page of the size of `list`, to which `put` adds levels and values.
    pub(super) fn add_page(
        &mut self,
        codec: &mut Codec,
        list: &List,
        encoding: Encoding,
        put: impl FnOnce(&mut Vec<u8>),
    ) -> ParquetResult<()> {
        let (buf, len) = codec.compress(put)?;
        let data = Page::DataPage {
            buf,
            num_values: list.len() as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.pages.push(DataPage { page: CompressedPage::new(data, len), rows: list.rows() });
        Ok(())
    }

    /// Puts the pages together, the dictionary's before those that use it, and begins anew.
    pub(super) fn encode(
        &mut self,
        codec: &mut Codec,
        column: ColumnDescPtr,
        dictionary: Option<&Dictionary>,
    ) -> ParquetResult<Encoded> {
        let mut out = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut out);
        let mut encodings = vec![Encoding::RLE];
        let mut uncompressed = 0;
        let mut dictionary_at = None;
        if let Some(dictionary) = dictionary {
            let (buf, len) = codec.compress(|page| page.extend_from_slice(dictionary.page()))?;
            let page = Page::DictionaryPage {
                buf,
                num_values: dictionary.len() as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let written = writer.write_page(CompressedPage::new(page, len))?;
            encodings.push(Encoding::PLAIN);
            uncompressed += written.uncompressed_size;
            dictionary_at = Some(written.offset as i64);
        }
        let (mut rows, mut values) = (0, 0);
        let mut index = OffsetIndexBuilder::new();
        for DataPage { page, rows: page_rows } in self.pages.drain(..) {
            encodings.push(page.encoding());
            let written = writer.write_page(page)?;
            uncompressed += written.uncompressed_size;
            values += i64::from(written.num_values);
            rows += page_rows as u64;
            index.append_row_count(page_rows as i64);
            index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
        }
        let bytes = Bytes::from(out.into_inner()?);
        let offset_index = index.build();
        let data_at = offset_index.page_locations().first().map_or(0, |page| page.offset);
        let metadata = ColumnChunkMetaData::builder(column)
            .set_compression(Compression::ZSTD(compression_level()))
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(values)
            .set_data_page_offset(data_at)
            .set_dictionary_page_offset(dictionary_at)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(offset_index),
        };
        Ok(Encoded { bytes, close })
    }
}
