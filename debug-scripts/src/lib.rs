//! The table of verbs that a person has at a held step (contract 2.7), and the scripts made from it.
