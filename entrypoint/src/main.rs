//! The binary that is PID 1 of every step. All of it is in the library, where tests reach it.

fn main() {}
