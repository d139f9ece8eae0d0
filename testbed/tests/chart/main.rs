//! The Helm chart: what it renders, and what a real API server makes of it.
//!
//! Helm, kubectl and the API server are real; there is no node, so nothing that is installed here runs as a pod. The program
//! of `helm test` runs as a process of its own, with the rights that the chart gives to its pod.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod arguments;
mod arrows;
mod documented;
mod helm;
mod installed;
mod monitoring;
mod pods;
mod refused;
mod rendered;
mod rights;
mod shop;
mod trial;
mod wrong;
