//! Files that others read: written beside their place and renamed, so that nobody sees half of one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{Mode, SFlag, mknod};
use tempfile::{NamedTempFile, TempPath};

/// The path with an ending added to its last name: `P` and `.err` give `P.err`.
pub fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The path from the root: events name files so, and so do states.
pub fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The folder of a file; a bare name is in the current one.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// An empty file beside this path, readable by all whatever the umask, to be renamed to it.
///
/// # Errors
/// Where its folder cannot be written to.
pub fn beside(path: &Path) -> io::Result<NamedTempFile> {
    temporary(folder_of(path), 0o644)
}

fn temporary(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().prefix(".holdpoint-").tempfile_in(folder);
    let file = file.map_err(without_temporary_name)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// The name of a temporary file, which its error carries, means nothing to a person.
fn without_temporary_name(error: io::Error) -> io::Error {
    let told = error.to_string();
    let cause = told.split(" at path ").next().unwrap_or(&told);
    io::Error::new(error.kind(), cause)
}

/// Replaces a file as a whole; its mode is 0644.
///
/// # Errors
/// Where its folder cannot be written to, or the disk is full: the old file is as it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(temporary(folder_of(path), 0o644)?, path, content)
}

/// The same for a file that nobody else may read.
///
/// # Errors
/// As [`replace`].
pub fn replace_private(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_by(temporary(folder_of(path), 0o600)?, path, content)
}

fn replace_by(mut file: NamedTempFile, path: &Path, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    // Closed before it is renamed: the closing would be news in the folder.
    file.into_temp_path().persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Where the files of a step are written before they are renamed into place. All steps of a run watch
/// the folders of post files, so each file that is made there wakes them all; the metadata folder
/// below is watched by nobody.
#[derive(Clone, Debug)]
pub struct Stage(PathBuf);

impl Stage {
    /// For a post file and a step's metadata folder.
    pub fn new(post: &Path, metadata: Option<&Path>) -> Self {
        let folder = folder_of(post);
        let quiet = metadata.filter(|metadata| *metadata != folder && metadata.starts_with(folder));
        Self(quiet.unwrap_or(folder).to_owned())
    }

    /// Replaces a file as [`replace`] does.
    ///
    /// # Errors
    /// As [`replace`].
    pub fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let staged = temporary(&self.0, 0o644).and_then(|file| replace_by(file, path, content));
        staged.or_else(|_| replace(path, content))
    }

    fn file(&self, path: &Path) -> io::Result<NamedTempFile> {
        temporary(&self.0, 0o644).or_else(|_| beside(path))
    }
}

/// Makes a folder that all may write to, and what is missing above it: steps run as different users,
/// whatever their umask.
///
/// # Errors
/// Where it cannot be made, or a file stands in its place.
pub fn make_open_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    make_one_folder(path, 0o777)
}

/// Makes a folder that all may look into, and what is missing above it.
///
/// # Errors
/// Where it cannot be made, or a file stands in its place.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folder(folder_of(path))?;
    make_one_folder(path, 0o755)
}

fn make_one_folder(path: &Path, mode: u32) -> io::Result<()> {
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "a file stands where its folder should",
        )),
        Err(e) => Err(e),
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)),
    }
}

/// Reads at most so many bytes of a regular file; one that is none (a FIFO, a folder) is an error,
/// and is never waited for.
///
/// # Errors
/// Where it is not there, may not be read, or is no regular file.
pub fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_without_waiting(path)?;
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

/// Opens a regular file to read it; the opening of a FIFO would wait for its writer.
pub(super) fn open_without_waiting(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"))
}

/// The inode of a post file, made at the start, so that a full disk cannot keep the post back.
#[derive(Debug)]
pub struct PostInode {
    post: PathBuf,
    was_posted: bool,
    ready: Option<TempPath>,
}

impl PostInode {
    /// Makes the folder, where it is missing, and the inode. What fails now is tried once more at
    /// the post.
    pub fn prepare(post: &Path, stage: &Stage) -> Self {
        let _ = make_folder(folder_of(post));
        let ready = stage.file(post).ok().map(NamedTempFile::into_temp_path);
        Self { post: post.to_owned(), was_posted: is_posted(post), ready }
    }

    /// Puts the empty file into place: at `P`, or at `P.err`. Where a script of Tekton's was faster,
    /// its word stands: there is never a second one.
    ///
    /// # Errors
    /// Where the folder cannot be written to; the error names the file.
    pub fn post(&mut self, ending: &str) -> io::Result<()> {
        if !self.was_posted && is_posted(&self.post) {
            return Ok(());
        }
        if self.was_posted {
            // The word of an earlier life of this container: two would contradict each other.
            let other = if ending.is_empty() { ".err" } else { "" };
            let _ = fs::remove_file(with_ending(&self.post, other));
        }
        let place = with_ending(&self.post, ending);
        if let Some(ready) = self.ready.take()
            && ready.persist(&place).is_ok()
        {
            return Ok(());
        }
        post_anew(&place).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", place.display())))
    }
}

fn post_anew(place: &Path) -> io::Result<()> {
    make_folder(folder_of(place))?;
    match beside(place).map(|file| file.persist(place)) {
        Ok(Ok(_)) => Ok(()),
        // Needs no descriptor, of which there may be none left.
        _ => match mknod(place, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0) {
            Err(Errno::EEXIST) if place.is_file() => Ok(()),
            Ok(()) => Ok(()),
            Err(e) => Err(e.into()),
        },
    }
}

/// Whether one of the two post files is there.
pub fn is_posted(post: &Path) -> bool {
    post.exists() || with_ending(post, ".err").exists()
}
