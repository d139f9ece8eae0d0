//! Prints `docs/values.md`: the table of the values of the chart whose `values.yaml` it reads from its standard input.

use std::io::{self, Read as _, Write as _};

fn main() -> io::Result<()> {
    let mut values = String::new();
    io::stdin().read_to_string(&mut values)?;
    io::stdout().write_all(testbed::values::page(&values).as_bytes())
}
