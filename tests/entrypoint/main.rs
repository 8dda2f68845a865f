//! End-to-end tests of `entrypoint`, on the real binary: one module for each section of the contract.
