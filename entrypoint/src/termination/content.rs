//! Reading files that others wrote: a result, an old message. They may be anything, so reading them
//! never blocks and never takes more memory than a message can need.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::{O_NOCTTY, O_NONBLOCK};

/// More than any message can hold, compressed or not: what readers of a compressed message inflate
/// at most.
pub(crate) const LARGEST_BYTES: u64 = 1 << 20;

/// What was found at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing.
    Absent,
    /// A folder, a device, a pipe.
    Irregular,
    /// A file of more than [`LARGEST_BYTES`], with its size.
    TooLarge {
        /// The size of the file.
        bytes: u64,
    },
    /// A file, all of it.
    Whole(Vec<u8>),
}

/// Reads the file at `path`, following links.
pub(crate) fn read(path: &Path) -> io::Result<Content> {
    // A pipe without a writer would block the opening.
    let opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path);
    match opened {
        Ok(file) => read_opened(&file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::Absent),
        Err(error) => Err(error),
    }
}

fn read_opened(file: &File) -> io::Result<Content> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Content::Irregular);
    }
    if metadata.len() > LARGEST_BYTES {
        return Ok(Content::TooLarge { bytes: metadata.len() });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_BYTES {
        // It has grown meanwhile, or tells no size.
        return Ok(Content::TooLarge { bytes: bytes.len() as u64 });
    }
    Ok(Content::Whole(bytes))
}

/// The text of `bytes`, with U+FFFD for each byte that is no UTF-8, as Go's JSON has it.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut text = String::new();
        for chunk in error.as_bytes().utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nix::sys::stat::Mode;

    #[test]
    fn each_invalid_byte_becomes_one_replacement_character() {
        let cases: [(&[u8], &str); 5] = [
            (b"plain", "plain"),
            (b"\xff", "\u{fffd}"),
            (b"a\xe2\x82b", "a\u{fffd}\u{fffd}b"),
            (b"\xf0\x9f\x98", "\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{20ac}\u{fffd}".as_bytes(), "\u{20ac}\u{fffd}"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(text(bytes.to_vec()), expected);
        }
    }

    #[test]
    fn whatever_is_at_the_path_is_told_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        nix::unistd::mkfifo(&at("pipe"), Mode::S_IRWXU).unwrap();
        std::fs::write(at("file"), "text").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        File::create(at("huge")).unwrap().set_len(5 << 30).unwrap();
        File::create(at("full")).unwrap().set_len(LARGEST_BYTES).unwrap();
        let cases = [
            ("pipe", Content::Irregular),
            ("", Content::Irregular),
            ("file", Content::Whole(b"text".to_vec())),
            ("link", Content::Whole(b"text".to_vec())),
            ("dangling", Content::Absent),
            ("absent", Content::Absent),
            ("huge", Content::TooLarge { bytes: 5 << 30 }),
            ("full", Content::Whole(vec![0; LARGEST_BYTES as usize])),
        ];
        for (name, expected) in cases {
            assert!(read(&at(name)).unwrap() == expected, "{name}");
        }
        assert!(read(&at("file/below")).is_err());
    }
}
