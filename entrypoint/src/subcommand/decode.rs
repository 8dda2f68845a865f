//! `decode-script F`: a script comes into the pod as base64 and is decoded before the steps (1.2).

use std::fs;
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::SubcommandError;
use super::replace::replace;

/// Padding must be there; what stands in the unused bits of the last character does not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What a script gets that vanishes between reading and writing.
const SCRIPT_MODE: u32 = 0o755;

/// Replaces the content of `script` by its decoding.
pub(super) fn decode(script: &Path) -> Result<(), SubcommandError> {
    let mut encoded = read(script)?;
    encoded.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    let decoded = BASE64
        .decode(&encoded)
        .map_err(|source| SubcommandError::Base64 { path: script.to_owned(), source })?;
    replace(script, SCRIPT_MODE, |file| file.write_all(&decoded))
        .map_err(|source| SubcommandError::Write { path: script.to_owned(), source })
}

fn read(script: &Path) -> Result<Vec<u8>, SubcommandError> {
    let read_error = |source| SubcommandError::Read { path: script.to_owned(), source };
    // A pipe would block the reading.
    if !fs::metadata(script).map_err(read_error)?.is_file() {
        return Err(SubcommandError::Irregular(script.to_owned()));
    }
    fs::read(script).map_err(read_error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nix::sys::stat::Mode;
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn the_content_is_replaced_and_the_mode_kept() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        let cases: [(&str, &[u8]); 7] = [
            ("", b""),
            ("\n", b""),
            ("ZWNobyBoaQ==", b"echo hi"),
            ("ZWNobyBoaQ==\n", b"echo hi"),
            ("ZWNo\nbyBo\r\naQ=\n=", b"echo hi"),
            ("ZWNobyBoaR==", b"echo hi"),
            ("/wD+", b"\xff\x00\xfe"),
        ];
        for (mode, (encoded, decoded)) in [0o755, 0o700, 0o644].iter().cycle().zip(cases) {
            fs::write(&script, encoded).unwrap();
            fs::set_permissions(&script, Permissions::from_mode(*mode)).unwrap();
            decode(&script).unwrap();
            assert_eq!(fs::read(&script).unwrap(), decoded, "{encoded:?}");
            assert_eq!(fs::metadata(&script).unwrap().mode() & 0o7777, *mode, "{encoded:?}");
        }
    }

    #[test]
    fn what_is_not_base64_is_left_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        for bad in ["echo hi", "ZWNobyBoaQ", "ZWNobyBoaQ=", "ZWNo byBo", "ZWNo=AAA", "\u{fffd}"] {
            fs::write(&script, bad).unwrap();
            let inode = fs::metadata(&script).unwrap().ino();
            let error = decode(&script).unwrap_err().to_string();
            assert!(error.contains("script is not base64"), "{error}");
            assert_eq!(fs::read_to_string(&script).unwrap(), bad);
            assert_eq!(fs::metadata(&script).unwrap().ino(), inode);
        }
    }

    #[test]
    fn what_is_no_script_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        for (path, expected) in [
            (pipe, "pipe is no regular file"),
            (folder.path().to_owned(), "is no regular file"),
            (folder.path().join("absent"), "cannot read"),
        ] {
            let error = decode(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
