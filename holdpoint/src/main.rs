//! The command line `holdpoint`.

fn main() {}
