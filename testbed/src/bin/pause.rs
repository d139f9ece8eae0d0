//! `pause`: the first process of a pod. It holds the pod's namespaces and does nothing else.
//!
//! As the first process of a process namespace, where a pod has one for all its containers, it inherits orphans. Who is
//! waited for is gone; when there is nobody to wait for, it looks again after a moment.

use std::time::Duration;

use rustix::process::{WaitOptions, wait};

fn main() {
    loop {
        if wait(WaitOptions::empty()).is_err() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
