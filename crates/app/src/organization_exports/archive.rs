//! The archive, in pieces that can be made one at a time: each is a whole gzip member, and members one behind the other are one
//! `.tar.gz`.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use kernel::{Error, Result, Time};

/// A piece with one file.
pub(super) fn file(name: &str, text: &str, at: Time) -> Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(at.seconds()).unwrap_or_default());
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, text.as_bytes()).map_err(unwritable)?;
    // The two empty blocks that end an archive are a piece of their own.
    let mut bytes = builder.into_inner().map_err(unwritable)?;
    bytes.truncate(bytes.len() - END);
    packed(&bytes)
}

/// The piece that ends the archive.
pub(super) fn end() -> Result<Vec<u8>> {
    packed(&[0; END])
}

/// Bytes that end an archive.
const END: usize = 1024;

fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).map_err(unwritable)?;
    encoder.finish().map_err(unwritable)
}

fn unwritable(error: std::io::Error) -> Error {
    Error::internal("archive_unwritable", "an archive cannot be written").source(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    #[test]
    fn the_pieces_one_behind_the_other_are_an_archive() {
        let now = Time::from_ms(1_700_000_000_000);
        let pieces = [file("a/1.jsonl", "{}\n", now).unwrap(), file("b.jsonl", "ä", now).unwrap(), end().unwrap()];
        let mut archive = tar::Archive::new(MultiGzDecoder::new(std::io::Cursor::new(pieces.concat())));
        let files = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().display().to_string(), text)
        });
        let expected = [("a/1.jsonl", "{}\n"), ("b.jsonl", "ä")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(files.collect::<Vec<_>>(), expected);
    }
}
