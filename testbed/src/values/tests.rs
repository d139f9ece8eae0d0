use super::{Row, page, rows};

const VALUES: &str = "\
# All of it.

# The first.
one:
  # How many,
  # or none.
  count: 2
  nested:
    # What it says.
    text: \"a|b\"
  # What it asks for.
  resources:
    requests: { cpu: 1 }
    limits: { memory: 1Gi }
  # Who comes.
  peers:
    - here
    - there
  untold: true
# The second.
two: false
";

fn row(path: &str, default: &str, why: &str) -> Row {
    Row { path: path.to_owned(), default: default.to_owned(), why: why.to_owned() }
}

#[test]
fn a_value_is_told_of_by_the_comment_above_it() {
    let expected = [
        row("one", "", "The first."),
        row("one.count", "2", "How many, or none."),
        row("one.nested.text", "\"a|b\"", "What it says."),
        row("one.resources", "requests: { cpu: 1 } limits: { memory: 1Gi }", "What it asks for."),
        row("one.peers", "- here - there", "Who comes."),
        row("one.untold", "true", ""),
        row("two", "false", "The second."),
    ];
    assert_eq!(rows(VALUES), expected);
}

#[test]
fn the_page_has_a_table_for_each_first_key() {
    let page = page(VALUES);
    assert!(page.contains("\nAll of it.\n\n## one\n\nThe first.\n\n| value |"), "{page}");
    assert!(page.contains("| `one.nested.text` | `\"a\\|b\"` | What it says. |\n"), "{page}");
    assert!(page.contains(
        "\n## two\n\n| value | default | what it is |\n| --- | --- | --- |\n| `two` | `false` | The second. |\n"
    ));
}
