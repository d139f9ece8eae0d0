use super::*;

#[test]
fn a_cursor_that_was_given_out_is_read_and_anything_else_is_not() {
    let place =
        Place { made_at: Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(), order: OrderId(Uuid::nil()) };
    assert_eq!(read("1700000000123456.00000000000000000000000000000000"), Some(place));
    for wrong in [
        "",
        ".",
        "-300000000000000000.00000000000000000000000000000000",
        "1",
        "x.y",
        "1.z",
        "9223372036854775807.00000000000000000000000000000000",
        "1.1' OR 1=1",
    ] {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}
