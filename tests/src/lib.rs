//! The harness of the end-to-end tests: one builder that runs real binaries in a folder of their own.
