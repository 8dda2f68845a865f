//! The two forms of a message: a plain JSON array, and `tknz:` with the array deflated (1.4).

use std::io::{Read, Write};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::content;
use super::row::Row;

const PREFIX: &str = "tknz:";
const LARGEST_INFLATED_BYTES: u64 = 128 << 10;

/// Written without padding, read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As a JSON array.
    Plain,
    /// Deflated, where that is shorter than the plain array.
    Shortest,
}

impl Encoding {
    /// The message that holds `rows`.
    pub(super) fn encode(self, rows: &[&Row]) -> Vec<u8> {
        // Rows are strings and a number, which serialise without fail.
        let plain = serde_json::to_vec(rows).unwrap_or_else(|_| b"[]".to_vec());
        match self {
            Self::Plain => plain,
            Self::Shortest => match deflate(&plain) {
                Some(deflated) if deflated.len() < plain.len() => deflated,
                _ => plain,
            },
        }
    }
}

/// What an old message was found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// An array of rows, plain or deflated.
    Rows(Vec<Row>),
    /// Something else.
    Other,
    /// Deflated, and too large once inflated.
    TooLarge,
}

/// Reads a message of either form.
pub(super) fn decode(bytes: Vec<u8>) -> Decoded {
    match bytes.strip_prefix(PREFIX.as_bytes()) {
        None => parse(bytes),
        Some(encoded) => match inflate(encoded) {
            None => Decoded::Other,
            Some(inflated) if inflated.len() as u64 > LARGEST_INFLATED_BYTES => Decoded::TooLarge,
            Some(inflated) => parse(inflated),
        },
    }
}

fn parse(bytes: Vec<u8>) -> Decoded {
    serde_json::from_str(&content::text(bytes)).map_or(Decoded::Other, Decoded::Rows)
}

fn deflate(plain: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    let mut message = PREFIX.to_owned();
    BASE64.encode_string(encoder.finish().ok()?, &mut message);
    Some(message.into_bytes())
}

/// One byte more than is allowed at most, so that the caller sees that it is too much.
fn inflate(encoded: &[u8]) -> Option<Vec<u8>> {
    let deflated = BASE64.decode(encoded.trim_ascii()).ok()?;
    let mut inflated = Vec::new();
    let decoder = DeflateDecoder::new(deflated.as_slice());
    decoder.take(LARGEST_INFLATED_BYTES + 1).read_to_end(&mut inflated).ok()?;
    Some(inflated)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::termination::RowType;

    fn row(size: usize) -> Row {
        Row::new("a", "x".repeat(size), RowType::TaskResult)
    }

    #[test]
    fn a_message_is_deflated_only_where_asked_and_shorter() {
        let (short, long) = (row(1), row(1000));
        let cases = [
            (Encoding::Plain, &long, false),
            (Encoding::Shortest, &short, false),
            (Encoding::Shortest, &long, true),
        ];
        for (encoding, row, deflated) in cases {
            let message = encoding.encode(&[row]);
            assert_eq!(message.starts_with(b"tknz:"), deflated);
            assert!(!message.ends_with(b"="), "unpadded");
            assert_eq!(decode(message), Decoded::Rows(vec![row.clone()]));
        }
    }

    #[test]
    fn a_deflated_message_of_another_writer_is_read() {
        let rows = Decoded::Rows(vec![Row::new("k", "v", RowType::Internal)]);
        let plain = r#"[{"key":"k","value":"v","type":3}]"#;
        // A raw DEFLATE stream of one stored block: final bit, length, its complement, the bytes.
        let length = u16::try_from(plain.len()).unwrap();
        let mut stream = vec![1];
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(plain.as_bytes());
        let unpadded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&stream);
        let padded = base64::engine::general_purpose::STANDARD.encode(&stream);
        for message in [format!("tknz:{unpadded}"), format!("tknz:{padded}\n")] {
            assert_eq!(decode(message.into_bytes()), rows);
        }
    }

    #[test]
    fn inflating_stops_at_128_kib() {
        let frame = Encoding::Plain.encode(&[&row(0)]).len();
        let largest = (128 << 10) - frame;
        let allowed = Encoding::Shortest.encode(&[&row(largest)]);
        assert_eq!(decode(allowed), Decoded::Rows(vec![row(largest)]));
        let refused = Encoding::Shortest.encode(&[&row(largest + 1)]);
        assert_eq!(decode(refused), Decoded::TooLarge);
        assert_eq!(decode(Encoding::Shortest.encode(&[&row(4 << 20)])), Decoded::TooLarge);
    }

    #[test]
    fn all_else_is_other_content() {
        let junk: [&[u8]; 10] = [
            b"",
            b"some text",
            b"{}",
            b"[1]",
            b"[{\"key\":1}]",
            b"[{\"key\":\"a\",\"value\":\"b\",\"type\":1}",
            b"[{\"key\":\"a\",\"value\":\"b\",\"type\":1.5}]",
            b"tknz:",
            b"tknz:!!",
            b"tknz:AAAA",
        ];
        for bytes in junk {
            assert_eq!(decode(bytes.to_vec()), Decoded::Other, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn old_rows_may_hold_bytes_that_are_no_text() {
        let decoded =
            decode(b"[{\"key\":\"a\",\"value\":\"\xff\xfe\",\"type\":\"StepResult\"}]".to_vec());
        let expected = Row::new("a", "\u{fffd}\u{fffd}", RowType::StepResult);
        assert_eq!(decoded, Decoded::Rows(vec![expected]));
    }
}
