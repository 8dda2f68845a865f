//! End-to-end tests of `holdpoint`, on the real binary: one module for each section of the contract.
