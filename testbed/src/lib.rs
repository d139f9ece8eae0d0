//! The real components on free ports, for tests and for the demo.
